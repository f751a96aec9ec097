"""HR: personnel file, absences and team calendar of the demo companies."""
