"""The models: what they must do (base), and the two profiles that do it (lite, full)."""
