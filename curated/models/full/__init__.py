"""The `full` profile: YOLOv8 counts people, OpenCLIP tells kind and category, BLIP writes the caption."""
