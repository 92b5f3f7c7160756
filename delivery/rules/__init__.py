"""Pure decisions about handing mail over: states, retries, replies, envelope senders."""
