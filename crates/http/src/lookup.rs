//! The addresses of a name.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use dns_lookup::{AddrFamily, AddrInfoHints, LookupError, LookupErrorKind, SockType, getaddrinfo};
use http::Uri;
use ureq::Error;
use ureq::config::Config;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::TransportError;
use crate::stream::limit;

/// ureq keeps no more of them.
const MOST: usize = 16;

/// Looks names up by the system's resolver, more than once where it gives up too early.
///
/// musl's resolver ends at the first search domain that answers SERVFAIL or REFUSED, and finds nothing where the question for an IPv6
/// address is answered by SERVFAIL, NOTIMP or NXDOMAIN. glibc and Go go on in these cases. So after a failure, IPv4 is asked for
/// alone, and then each name that the search list makes of it, as an absolute one.
#[derive(Debug)]
pub(crate) struct Lookup;

impl Resolver for Lookup {
    fn resolve(&self, uri: &Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(default);
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => in_time(host, timeout).map_err(|error| Error::Other(Box::new(error)))?,
        };
        let mut result = self.empty();
        for address in interleaved(&addresses).into_iter().take(MOST) {
            result.push(SocketAddr::new(address, port));
        }
        Ok(result)
    }
}

/// The system's resolver has no limit that a caller could set, so it runs beside.
fn in_time(host: &str, timeout: NextTimeout) -> Result<Vec<IpAddr>, TransportError> {
    let failed = |cause: &str| TransportError::unsent(format!("the name '{host}' cannot be resolved: {cause}"));
    let (sender, receiver) = mpsc::sync_channel(1);
    let name = host.to_owned();
    // Nobody may wait for the answer any more.
    thread::spawn(move || sender.send(find(&name, ask, &Search::of_this_machine())).ok());
    let found = match limit(&timeout) {
        Some(limit) => receiver.recv_timeout(limit),
        None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
    };
    match found {
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(cause)) => Err(failed(&cause)),
        Err(_) => Err(failed("no answer in time")),
    }
}

/// Which addresses are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Any,
    V4,
}

fn find(
    name: &str,
    ask: impl Fn(&str, Family) -> Result<Vec<IpAddr>, String>,
    search: &Search,
) -> Result<Vec<IpAddr>, String> {
    let failure = match ask(name, Family::Any) {
        Ok(found) => return Ok(found),
        Err(failure) => failure,
    };
    let absolute = search.names(name);
    let others = absolute
        .iter()
        .flat_map(|name| [(&**name, Family::Any), (&**name, Family::V4)]);
    for (name, family) in std::iter::once((name, Family::V4)).chain(others) {
        if let Ok(found) = ask(name, family) {
            log::debug!("found '{name}' after the first lookup had failed: {failure}");
            return Ok(found);
        }
    }
    Err(failure)
}

fn ask(name: &str, family: Family) -> Result<Vec<IpAddr>, String> {
    let hints = AddrInfoHints {
        socktype: SockType::Stream.into(),
        address: match family {
            Family::Any => 0,
            Family::V4 => AddrFamily::Inet.into(),
        },
        ..AddrInfoHints::default()
    };
    let found = getaddrinfo(Some(name), None, Some(hints)).map_err(|error| words(&error))?;
    let addresses: Vec<_> = found.flatten().map(|found| found.sockaddr.ip()).collect();
    if addresses.is_empty() {
        return Err("it has no address".to_owned());
    }
    Ok(addresses)
}

fn words(error: &LookupError) -> String {
    match error.kind() {
        LookupErrorKind::NoName | LookupErrorKind::NoData => "there is no such name".to_owned(),
        LookupErrorKind::Again => "the name server fails or does not answer".to_owned(),
        LookupErrorKind::Fail => "the name server refuses".to_owned(),
        _ => format!("the system's resolver fails with error {}", error.error_num()),
    }
}

/// One address of each family in turn, beginning with the family of the first (RFC 8305, 4).
fn interleaved(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let is_v6 = addresses.first().is_some_and(IpAddr::is_ipv6);
    let (mut first, mut second): (Vec<IpAddr>, Vec<IpAddr>) =
        addresses.iter().partition(|address| address.is_ipv6() == is_v6);
    first.reverse();
    second.reverse();
    let mut result = Vec::new();
    while !(first.is_empty() && second.is_empty()) {
        result.extend(first.pop());
        result.extend(second.pop());
    }
    result
}

/// How `/etc/resolv.conf` makes an absolute name of a short one (resolv.conf(5)).
#[derive(Debug, PartialEq, Eq)]
struct Search {
    domains: Vec<String>,
    /// A name with as many dots is tried as it is before the domains are.
    dots: usize,
}

impl Search {
    fn of_this_machine() -> Self {
        Self::read(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
    }

    fn read(text: &str) -> Self {
        let mut search = Self {
            domains: Vec::new(),
            dots: 1,
        };
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                // The last such line counts.
                Some("search" | "domain") => {
                    search.domains = words.map(|domain| domain.trim_matches('.').to_owned()).collect();
                    search.domains.retain(|domain| !domain.is_empty());
                }
                Some("options") => {
                    let dots = words
                        .filter_map(|word| word.strip_prefix("ndots:")?.parse().ok())
                        .next_back();
                    search.dots = dots.unwrap_or(search.dots);
                }
                _ => {}
            }
        }
        search
    }

    /// The absolute names that `name` may stand for, in the order in which they are tried.
    fn names(&self, name: &str) -> Vec<String> {
        if name.ends_with('.') {
            return Vec::new();
        }
        let mut names: Vec<_> = self.domains.iter().map(|domain| format!("{name}.{domain}.")).collect();
        let itself = format!("{name}.");
        if name.matches('.').count() >= self.dots {
            names.insert(0, itself);
        } else {
            names.push(itself);
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[&str]) -> Vec<IpAddr> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_in_the_resolvers_order() {
        for (given, expected) in [
            (
                &["::1", "::2", "::3", "10.0.0.1", "10.0.0.2"][..],
                &["::1", "10.0.0.1", "::2", "10.0.0.2", "::3"][..],
            ),
            (&["10.0.0.1", "10.0.0.2", "::1"], &["10.0.0.1", "::1", "10.0.0.2"]),
            (&["10.0.0.1"], &["10.0.0.1"]),
        ] {
            assert_eq!(interleaved(&addresses(given)), addresses(expected));
        }
    }

    #[test]
    fn a_search_list_is_read_as_resolvers_read_it() {
        let pod =
            "nameserver 10.96.0.10\nsearch ns.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n";
        let search = Search::read(pod);
        assert_eq!(search.dots, 5);
        assert_eq!(
            search.names("vault.ns.svc"),
            [
                "vault.ns.svc.ns.svc.cluster.local.",
                "vault.ns.svc.svc.cluster.local.",
                "vault.ns.svc.cluster.local.",
                "vault.ns.svc.",
            ]
        );
        assert_eq!(search.names("vault.example.com."), [""; 0]);
        let search = Search::read("domain a\nsearch b. .\n# search c\noptions rotate ndots:x\n");
        assert_eq!(search.names("vault.example"), ["vault.example.", "vault.example.b."]);
        assert_eq!(Search::read("").names("vault"), ["vault."]);
    }

    #[test]
    fn a_failed_lookup_is_tried_for_ipv4_and_then_by_absolute_names() {
        let search = Search::read("search a b\noptions ndots:5\n");
        let asked = std::cell::RefCell::new(Vec::new());
        let ask = |name: &str, family| {
            asked.borrow_mut().push((name.to_owned(), family));
            if (name, family) == ("vault.b.", Family::V4) {
                Ok(addresses(&["10.0.0.1"]))
            } else {
                Err("the name server fails".to_owned())
            }
        };
        assert_eq!(find("vault", ask, &search).unwrap(), addresses(&["10.0.0.1"]));
        let asked: Vec<_> = asked.take();
        let expected = [
            ("vault", Family::Any),
            ("vault", Family::V4),
            ("vault.a.", Family::Any),
            ("vault.a.", Family::V4),
            ("vault.b.", Family::Any),
            ("vault.b.", Family::V4),
        ];
        assert_eq!(asked, expected.map(|(name, family)| (name.to_owned(), family)));
        let failing = |_: &str, _| Err("the name server fails".to_owned());
        assert_eq!(find("vault", failing, &search).unwrap_err(), "the name server fails");
    }
}
