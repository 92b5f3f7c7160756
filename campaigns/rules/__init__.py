"""Pure decisions about time: when a step is due, what comes next, and why not yet."""
