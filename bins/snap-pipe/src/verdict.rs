//! Which stage's end decides how the pipe has ended. Pure.

use snapline_cli::Ended;

/// What a stage ends with whose reader has left, whether SIGPIPE ended it or it says so itself.
const READER_LEFT: u8 = 141;

/// The index of the stage whose code is the pipe's; nothing if the pipe's code is 0.
///
/// That is the leftmost stage that ended with neither 0 nor 141: the one where it began to go wrong, as all later failures
/// may follow from it. A 141 says only that the next stage left first, and that one's code tells whether it was right to:
/// `yes | head -1` is no failure. The last stage has no such neighbour; its 141 is the pipe's.
pub(crate) fn failed(ends: &[Ended]) -> Option<usize> {
    ends.iter()
        .position(|ended| !matches!(ended.code(), 0 | READER_LEFT))
        .or_else(|| ends.len().checked_sub(1).filter(|last| ends[*last].code() != 0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn codes(codes: &[u8]) -> Option<usize> {
        failed(&codes.iter().copied().map(Ended::Code).collect::<Vec<_>>())
    }

    #[test]
    fn truth_table() {
        for (ends, expected) in [
            (&[0][..], None),
            (&[1], Some(0)),
            (&[141], Some(0)),
            (&[0, 0, 0], None),
            (&[77, 66, 66], Some(0)),
            (&[0, 69, 65], Some(1)),
            (&[141, 0], None),
            (&[141, 69], Some(1)),
            (&[0, 141], Some(1)),
            (&[141, 141], Some(1)),
            (&[141, 77, 141], Some(1)),
            (&[0, 0, 1], Some(2)),
        ] {
            assert_eq!(codes(ends), expected, "{ends:?}");
        }
    }

    #[test]
    fn a_signal_counts_as_128_and_its_number() {
        assert_eq!(failed(&[Ended::Signal(13), Ended::Code(0)]), None);
        assert_eq!(failed(&[Ended::Signal(13), Ended::Signal(15)]), Some(1));
    }

    fn any_end() -> impl Strategy<Value = Ended> {
        prop_oneof![
            3 => Just(Ended::Code(0)),
            2 => Just(Ended::Code(141)),
            1 => Just(Ended::Signal(13)),
            2 => any::<u8>().prop_map(Ended::Code),
            1 => (1..=64_u8).prop_map(Ended::Signal),
        ]
    }

    proptest! {
        #[test]
        fn the_leftmost_failure_decides_and_nothing_right_of_it_matters(
            ends in prop::collection::vec(any_end(), 1..6),
            more in prop::collection::vec(any_end(), 0..4),
        ) {
            let real = |ended: &Ended| ended.code() != 0 && ended.code() != 141;
            let longer = [ends.clone(), more].concat();
            match failed(&ends) {
                Some(index) if real(&ends[index]) => {
                    prop_assert!(!ends[..index].iter().any(real));
                    prop_assert_eq!(failed(&longer), Some(index));
                }
                Some(index) => {
                    prop_assert!(!ends.iter().any(real));
                    prop_assert_eq!(index, ends.len() - 1);
                }
                None => prop_assert!(!ends.iter().any(real) && ends[ends.len() - 1].code() == 0),
            }
        }

        #[test]
        fn the_pipe_is_0_only_if_its_last_stage_is(ends in prop::collection::vec(any_end(), 1..6)) {
            if failed(&ends).is_none() {
                prop_assert_eq!(ends[ends.len() - 1].code(), 0);
            }
        }
    }
}
