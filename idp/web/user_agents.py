"""Where the account page finds :mod:`idp.core.user_agents`."""

from idp.core.user_agents import device_name

__all__ = ["device_name"]
