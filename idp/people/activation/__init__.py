"""From product-local logins to central accounts: activation, prepared people, who has moved."""
