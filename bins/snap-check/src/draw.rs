//! Which snapshots are verified.

use std::num::NonZeroUsize;
use std::str::FromStr;

use fastrand::Rng;

/// What `--verify` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// The newest.
    Latest,
    /// Every one.
    All,
    /// As many, chosen at random, the newest among them.
    Random(NonZeroUsize),
}

impl FromStr for Verify {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "latest" => Ok(Self::Latest),
            "all" => Ok(Self::All),
            _ => text
                .parse()
                .map(Self::Random)
                .map_err(|_| format!("'{text}' is not latest, all or a number from 1 on")),
        }
    }
}

impl Verify {
    /// Positions in a list of `count` snapshots, newest first: ascending, each once, the first of them 0 if there is any.
    pub(crate) fn draw(self, count: usize, random: &mut Rng) -> Vec<usize> {
        match self {
            Self::Latest => (0..count.min(1)).collect(),
            Self::All => (0..count).collect(),
            Self::Random(number) => {
                let others = random.choose_multiple(1..count, number.get() - 1);
                let mut drawn: Vec<_> = (0..count.min(1)).chain(others).collect();
                drawn.sort_unstable();
                drawn
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fastrand::Rng;
    use proptest::prelude::*;

    use super::*;

    fn random(number: usize) -> Verify {
        Verify::Random(NonZeroUsize::new(number).unwrap())
    }

    #[test]
    fn words_and_numbers_are_read() {
        for (text, expected) in [
            ("latest", Ok(Verify::Latest)),
            ("all", Ok(Verify::All)),
            ("1", Ok(random(1))),
            ("30", Ok(random(30))),
        ] {
            assert_eq!(text.parse(), expected);
        }
        for text in ["", "0", "-1", "newest", "ALL", "1.5", "3 "] {
            let error = text.parse::<Verify>().unwrap_err();
            assert!(error.contains(&format!("'{text}'")), "{error}");
        }
    }

    #[test]
    fn nothing_is_drawn_where_there_is_nothing() {
        for verify in [Verify::Latest, Verify::All, random(3)] {
            assert!(verify.draw(0, &mut Rng::with_seed(1)).is_empty());
        }
    }

    #[test]
    fn each_of_the_others_is_drawn_at_some_time() {
        let mut random_numbers = Rng::with_seed(7);
        let seen: BTreeSet<_> = (0..200).flat_map(|_| random(3).draw(10, &mut random_numbers)).collect();
        assert_eq!(seen, (0..10).collect());
    }

    proptest! {
        #[test]
        fn a_draw_has_no_repetition_and_begins_with_the_newest(count in 1_usize..60, number in 1_usize..80, seed: u64) {
            let drawn = random(number).draw(count, &mut Rng::with_seed(seed));
            prop_assert_eq!(drawn.len(), number.min(count));
            prop_assert_eq!(drawn[0], 0);
            prop_assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(drawn.iter().all(|position| *position < count));
        }
    }
}
