"""What several forms check in the same way."""


def password_error(new: str, repeat: str) -> tuple[str, str] | None:
    """Field and code of what is wrong with a new password and its repeat, before any rule."""
    if not new:
        return "new_password", "password-required"
    if new != repeat:
        return "repeat_password", "password-mismatch"
    return None
