"""From bytes to pixels: sniffing, guarded decoding, hashes, dates, thumbnails. No model, no database."""
