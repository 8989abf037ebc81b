//! HTTP for snapline: agent, trust roots, proxies, timeouts, backoff, kinds of failure.
