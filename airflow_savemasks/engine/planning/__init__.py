"""What an export is going to do: its items as they are listed, and which of them have to be rendered."""
