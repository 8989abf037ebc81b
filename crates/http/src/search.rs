//! The search list of the system's resolver.

use std::fs;

/// How `/etc/resolv.conf` makes an absolute name of a short one (resolv.conf(5)).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Search {
    domains: Vec<String>,
    /// A name with as many dots is tried as it is before the domains are.
    dots: usize,
}

impl Search {
    pub(crate) fn of_this_machine() -> Self {
        Self::read(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
    }

    pub(crate) fn read(text: &str) -> Self {
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
    pub(crate) fn names(&self, name: &str) -> Vec<String> {
        if name.ends_with('.') {
            return vec![name.to_owned()];
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
        assert_eq!(search.names("vault.example.com."), ["vault.example.com."]);
        let search = Search::read("domain a\nsearch b. .\n# search c\noptions rotate ndots:x\n");
        assert_eq!(search.names("vault.example"), ["vault.example.", "vault.example.b."]);
        assert_eq!(Search::read("").names("vault"), ["vault."]);
    }
}
