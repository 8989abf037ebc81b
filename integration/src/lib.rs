//! Harness for the tests against real servers.
