"""From a name to pairs or a model: built in, a folder, a file, or a set or a model of the Hugging Face hub."""
