"""What a newcomer can run and read: programs that use foretell as its users do."""
