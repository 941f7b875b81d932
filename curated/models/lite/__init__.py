"""The `lite` profile: real weights that come with installed packages, on ONNX Runtime."""
