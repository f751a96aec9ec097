"""What operators see and do beyond single companies."""
