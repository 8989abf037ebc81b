//! The addresses of a name.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use dns_lookup::{AddrFamily, AddrInfoHints, LookupError, LookupErrorKind, SockType, getaddrinfo};
use http::Uri;
use ureq::Error;
use ureq::config::Config;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::TransportError;
use crate::search::Search;
use crate::stream::limit;

/// ureq keeps no more of them.
const MOST: usize = 16;

/// How long the system's resolver has for itself. musl's is silent for five seconds where a server answers SERVFAIL.
const HEAD_START: Duration = Duration::from_secs(1);

/// How long a name of the search list has precedence over those behind it.
const PRECEDENCE: Duration = Duration::from_secs(1);

/// How long addresses of one family wait for the other's (RFC 8305, 3: Resolution Delay).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

/// How long addresses that were hard to find are used again: as long as many records of clusters live.
const REMEMBERED: Duration = Duration::from_secs(30);

/// Looks names up by the system's resolver, and by more questions to it where it gives up, or does not come back.
///
/// musl's resolver ends at the first search domain that answers SERVFAIL or REFUSED, and finds nothing where the question for an IPv6
/// address is answered by SERVFAIL, NOTIMP or NXDOMAIN. glibc and Go go on in these cases. So then each name that the search list
/// makes of the one that is wanted is asked for as an absolute name, for IPv4 and IPv6 apart, all side by side; the first in the order
/// of the list counts.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    /// What took more than the resolver's own answer, and when. ureq looks up before each request, and this takes seconds.
    hard: Mutex<HashMap<String, (Instant, Vec<IpAddr>)>>,
}

impl Lookup {
    fn find(&self, host: &str, limit: Option<Duration>) -> Answer {
        let mut hard = self.hard.lock().unwrap_or_else(PoisonError::into_inner);
        hard.retain(|_, (found, _)| found.elapsed() < REMEMBERED);
        if let Some((_, addresses)) = hard.get(host) {
            return Ok(addresses.clone());
        }
        drop(hard);
        let (addresses, was_hard) = Race::new(host, Arc::new(ask), limit).run(Search::of_this_machine)?;
        if was_hard {
            let mut hard = self.hard.lock().unwrap_or_else(PoisonError::into_inner);
            hard.insert(host.to_owned(), (Instant::now(), addresses.clone()));
        }
        Ok(addresses)
    }

    /// A name below `localhost`, such as that of a bucket in virtual style, is this machine (RFC 6761, 6.3) where the system's
    /// resolver does not know better: glibc has it from a plug-in that containers lack.
    fn find_or_loop_back(&self, host: &str, limit: Option<Duration>) -> Answer {
        self.find(host, limit).or_else(|failure| {
            if is_below_localhost(host) {
                self.find("localhost", limit)
            } else {
                Err(failure)
            }
        })
    }
}

fn is_below_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host.strip_suffix(".localhost").is_some_and(|name| !name.is_empty())
}

impl Resolver for Lookup {
    fn resolve(&self, uri: &Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(default);
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.find_or_loop_back(host, limit(&timeout)).map_err(|cause| {
                let message = format!("the name '{host}' cannot be resolved: {cause}");
                Error::Other(Box::new(TransportError::unsent(message)))
            })?,
        };
        let mut result = self.empty();
        for address in interleaved(&addresses).into_iter().take(MOST) {
            result.push(SocketAddr::new(address, port));
        }
        Ok(result)
    }
}

/// Which addresses are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Any,
    V4,
    V6,
}

type Answer = Result<Vec<IpAddr>, String>;
type Ask = Arc<dyn Fn(&str, Family) -> Answer + Send + Sync>;

/// What has come of the questions about one name.
#[derive(Debug, Default)]
struct Candidate {
    pending: usize,
    addresses: Vec<IpAddr>,
    /// When the first of them came.
    found: Option<Instant>,
    failure: Option<String>,
}

impl Candidate {
    fn take(&mut self, answer: Answer) {
        self.pending -= 1;
        match answer {
            Ok(addresses) => {
                self.addresses.extend(addresses);
                self.found.get_or_insert_with(Instant::now);
            }
            Err(failure) => self.failure = Some(failure),
        }
    }

    /// When it can be used, if it can.
    fn ready(&self) -> Option<Instant> {
        let found = self.found?;
        Some(if self.pending == 0 {
            found
        } else {
            found + RESOLUTION_DELAY
        })
    }
}

/// Questions to the system's resolver, each in a thread of its own: it has no limit that a caller could set.
struct Race<'a> {
    host: &'a str,
    ask: Ask,
    deadline: Option<Instant>,
    /// The name as it is first, the absolute ones behind it.
    candidates: Vec<Candidate>,
    sender: Sender<(usize, Answer)>,
    receiver: Receiver<(usize, Answer)>,
}

impl<'a> Race<'a> {
    fn new(host: &'a str, ask: Ask, limit: Option<Duration>) -> Self {
        let (sender, receiver) = channel();
        Self {
            host,
            ask,
            deadline: limit.map(|limit| Instant::now() + limit),
            candidates: Vec::new(),
            sender,
            receiver,
        }
    }

    /// Asks about `name`, whose rank is that of the next candidate.
    fn begin(&mut self, name: &str, families: &[Family]) {
        let rank = self.candidates.len();
        self.candidates.push(Candidate {
            pending: families.len(),
            ..Candidate::default()
        });
        for family in families {
            let (sender, ask, name, family) = (self.sender.clone(), Arc::clone(&self.ask), name.to_owned(), *family);
            // Nobody may wait for the answer any more.
            let question = move || drop(sender.send((rank, ask(&name, family))));
            if let Err(error) = thread::Builder::new().spawn(question) {
                // A pod's limit of processes, most likely.
                self.candidates[rank].take(Err(format!("no thread for the lookup: {error}")));
            }
        }
    }

    /// The addresses, and whether it took more than the resolver's own answer.
    fn run(mut self, search: impl Fn() -> Search) -> Result<(Vec<IpAddr>, bool), String> {
        self.begin(self.host, &[Family::Any]);
        self.listen_until(Some(Instant::now() + HEAD_START));
        if let Some(found) = self.found(None) {
            return Ok((found, false));
        }
        for name in search().names(self.host) {
            self.begin(&name, &[Family::V6, Family::V4]);
        }
        let precedence = Instant::now() + PRECEDENCE;
        loop {
            if let Some(found) = self.found(Some(precedence)) {
                return Ok((found, true));
            }
            let is_late = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if is_late || self.candidates.iter().all(|candidate| candidate.pending == 0) {
                let failure = self.candidates.swap_remove(0).failure;
                return Err(failure.unwrap_or_else(|| "no answer in time".to_owned()));
            }
            let now = Instant::now();
            let ready = self.candidates.iter().filter_map(Candidate::ready);
            // What is past already has been looked at.
            self.listen_until(ready.chain([precedence]).filter(|time| *time > now).min());
        }
    }

    /// Waits for one answer.
    fn listen_until(&mut self, time: Option<Instant>) {
        let until = [time, self.deadline].into_iter().flatten().min();
        let heard = match until {
            Some(until) => self
                .receiver
                .recv_timeout(until.saturating_duration_since(Instant::now())),
            None => self.receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        if let Ok((rank, answer)) = heard {
            self.candidates[rank].take(answer);
        }
    }

    /// The addresses of the first name that has some, where those before it have none or have had their time.
    fn found(&self, precedence: Option<Instant>) -> Option<Vec<IpAddr>> {
        let now = Instant::now();
        for (rank, candidate) in self.candidates.iter().enumerate() {
            if candidate.ready().is_some_and(|ready| ready <= now) {
                return Some(candidate.addresses.clone());
            }
            let undecided = candidate.pending > 0 || candidate.found.is_some();
            // The name as it is has had its time when the others were begun.
            if undecided && rank > 0 && precedence.is_some_and(|end| now < end) {
                return None;
            }
        }
        None
    }
}

fn ask(name: &str, family: Family) -> Answer {
    let hints = AddrInfoHints {
        socktype: SockType::Stream.into(),
        address: match family {
            Family::Any => 0,
            Family::V4 => AddrFamily::Inet.into(),
            Family::V6 => AddrFamily::Inet6.into(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[&str]) -> Vec<IpAddr> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_name_below_localhost_is_this_machine() {
        for host in ["backups.localhost", "a.b.LOCALHOST."] {
            let found = Lookup::default().find_or_loop_back(host, None).unwrap();
            assert!(
                found.iter().all(IpAddr::is_loopback) && !found.is_empty(),
                "{host}: {found:?}"
            );
        }
        for host in [
            "localhost",
            ".localhost",
            "notlocalhost",
            "localhost.test",
            "x.localhost.test",
        ] {
            assert!(!is_below_localhost(host), "{host}");
        }
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

    /// A resolver that knows IPv4 addresses of `known`, is silent about `silent`, and knows nothing else.
    fn resolver(known: &'static [(&str, &str)], silent: &'static [&str]) -> Ask {
        Arc::new(move |name, family| {
            if silent.contains(&name) {
                thread::sleep(Duration::from_secs(5));
                return Err("the name server fails".to_owned());
            }
            match known.iter().find(|(known, _)| *known == name) {
                Some((_, address)) if family != Family::V6 => Ok(addresses(&[address])),
                _ => Err("there is no such name".to_owned()),
            }
        })
    }

    fn search() -> Search {
        Search::read("search a b\noptions ndots:5\n")
    }

    fn find(ask: Ask) -> Answer {
        let race = Race::new("vault", ask, Some(Duration::from_secs(4)));
        race.run(search).map(|(addresses, _)| addresses)
    }

    #[test]
    fn what_the_systems_resolver_finds_is_taken() {
        let found = find(resolver(&[("vault", "10.0.0.1"), ("vault.a.", "10.0.0.2")], &[]));
        assert_eq!(found, Ok(addresses(&["10.0.0.1"])));
    }

    #[test]
    fn a_name_of_the_search_list_is_found_where_the_resolver_gives_up() {
        let start = Instant::now();
        let found = find(resolver(&[("vault.b.", "10.0.0.1"), ("vault.", "10.0.0.2")], &[]));
        assert_eq!(found, Ok(addresses(&["10.0.0.1"])));
        assert!(start.elapsed() < HEAD_START, "{:?}", start.elapsed());
    }

    #[test]
    fn a_name_is_found_behind_those_about_which_nobody_answers() {
        let start = Instant::now();
        let found = find(resolver(&[("vault.b.", "10.0.0.1")], &["vault", "vault.a."]));
        assert_eq!(found, Ok(addresses(&["10.0.0.1"])));
        assert!(start.elapsed() >= HEAD_START + PRECEDENCE, "{:?}", start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    }

    #[test]
    fn one_family_does_not_wait_long_for_the_other() {
        let start = Instant::now();
        let found = find(Arc::new(|name, family| match (name, family) {
            ("vault.a.", Family::V4) => Ok(addresses(&["10.0.0.1"])),
            ("vault.a.", _) => {
                thread::sleep(Duration::from_secs(5));
                Err("the name server fails".to_owned())
            }
            _ => Err("there is no such name".to_owned()),
        }));
        assert_eq!(found, Ok(addresses(&["10.0.0.1"])));
        assert!(start.elapsed() >= RESOLUTION_DELAY, "{:?}", start.elapsed());
        assert!(start.elapsed() < HEAD_START, "{:?}", start.elapsed());
    }

    #[test]
    fn a_name_that_nobody_knows_fails_at_once_and_silence_after_the_limit() {
        let start = Instant::now();
        assert_eq!(find(resolver(&[], &[])), Err("there is no such name".to_owned()));
        assert!(start.elapsed() < HEAD_START, "{:?}", start.elapsed());
        let silent = resolver(&[], &["vault", "vault.a.", "vault.b.", "vault."]);
        assert_eq!(find(silent), Err("no answer in time".to_owned()));
    }
}
