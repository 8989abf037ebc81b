//! The edge every snapline program shares: arguments, exit codes, messages, signals.
