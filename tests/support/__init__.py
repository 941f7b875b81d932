"""What tests share: real files, real databases, fakes that fulfil our own protocols."""
