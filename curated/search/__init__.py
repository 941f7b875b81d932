"""Finding pictures: by words, by meaning (`asking`), by likeness (`index`), and the one list of it all (`merging`)."""
