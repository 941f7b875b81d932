"""Looking after the installation: doctor, fsck, service."""
