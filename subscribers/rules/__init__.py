"""Pure decisions about people: addresses, standing, preferences."""
