//! Run a pipeline without a shell, with a true exit code.
