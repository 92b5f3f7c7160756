"""A whole clinic on one screen: invented clients, a real mailbox, and a clock that flies."""
