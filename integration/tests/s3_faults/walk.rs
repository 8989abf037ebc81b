//! Several faults in one upload, at random.

use snapline_integration::s3_proxy::{Call, Fault, Rule};

use crate::scene::{Case, Ending};
use crate::table::{faults, instead, internal, refused, slow_down};

/// This many uploads, always the same for the same seed.
pub(crate) fn cases(seed: u64, count: usize) -> Vec<Case> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..count)
        .map(|number| {
            let is_large = random.u8(0..3) > 0;
            let rules: Vec<_> = (0..random.usize(2..=5)).map(|_| rule(&mut random, is_large)).collect();
            let name = format!("seed {seed}, walk {number}, {rules:?}");
            Case::new(name, is_large, Ending::Any, rules).keeping_upload()
        })
        .collect()
}

fn rule(random: &mut fastrand::Rng, is_large: bool) -> Rule {
    let call = if is_large {
        let part = Call::Part(random.u32(1..=3));
        *pick(
            random,
            &[
                Call::Look,
                Call::List,
                Call::Initiate,
                Call::Uploads,
                part,
                Call::Complete,
                Call::Complete,
                Call::Abort,
            ],
        )
    } else {
        *pick(random, &[Call::Look, Call::List, Call::Uploads, Call::Put, Call::Put])
    };
    let fault = if call == Call::Abort {
        pick(
            random,
            &[
                Fault::Reset,
                Fault::Lost,
                Fault::Cut,
                instead(internal()),
                instead(slow_down()),
                refused("403 Forbidden", "AccessDenied"),
            ],
        )
        .clone()
    } else {
        pick(random, &faults(call)).clone()
    };
    let number = random.usize(1..=3);
    if random.u8(0..4) == 0 {
        Rule::from(call, number, fault)
    } else {
        Rule::nth(call, number, fault)
    }
}

fn pick<'a, T>(random: &mut fastrand::Rng, from: &'a [T]) -> &'a T {
    &from[random.usize(..from.len())]
}
