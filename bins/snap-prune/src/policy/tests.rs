use std::collections::BTreeSet;

use proptest::prelude::*;
use snapline_series::{Gathering, Template};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::model::{self, Rules, Thing};
use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-24 12:00:00 UTC);

fn key(time: OffsetDateTime) -> String {
    Template::parse("%Y%m%d_%H%M%S").unwrap().format(time)
}

fn members(things: &[Thing]) -> Members {
    let template = Template::parse("%Y%m%d_%H%M%S").unwrap();
    let mut gathering = Gathering::new(&template);
    for thing in things {
        gathering
            .add(key(thing.time), thing.size, Some(thing.received))
            .unwrap();
    }
    gathering.at(NOW)
}

/// Stored right away.
fn thing(time: OffsetDateTime) -> Thing {
    Thing {
        time,
        size: 1,
        received: time + Duration::MINUTE,
    }
}

fn minutes_ago(all: &[i64]) -> Vec<Thing> {
    all.iter()
        .map(|minutes| thing(NOW - Duration::minutes(*minutes)))
        .collect()
}

fn policy(rules: &Rules) -> Policy {
    let counts = [
        (Rule::Last, rules.last),
        (Rule::Hourly, rules.hourly),
        (Rule::Daily, rules.daily),
        (Rule::Weekly, rules.weekly),
        (Rule::Monthly, rules.monthly),
        (Rule::Yearly, rules.yearly),
    ];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    Policy {
        counts: counts.map(|(rule, count)| (rule, Count::Periods(count))).collect(),
        within: rules
            .within
            .map(|(years, months, days, hours)| format!("{years}y{months}m{days}d{hours}h").parse().unwrap()),
        trust_names: rules.trust_names,
    }
}

fn last(count: usize) -> Policy {
    policy(&Rules {
        last: count,
        ..Rules::default()
    })
}

fn plan(things: &[Thing], policy: &Policy) -> Plan {
    Plan::new(members(things), policy, None)
}

fn times(members: &[Member]) -> BTreeSet<OffsetDateTime> {
    members.iter().map(|member| member.time).collect()
}

fn kept(plan: &Plan) -> BTreeSet<OffsetDateTime> {
    plan.keep.iter().map(|kept| kept.member.time).collect()
}

fn minutes(members: &[Member]) -> Vec<i64> {
    let minutes = |member: &Member| (NOW - member.time).whole_minutes();
    members.iter().map(minutes).collect()
}

fn reasons(plan: &Plan) -> Vec<String> {
    let words = |kept: &Kept| {
        kept.reasons
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    plan.keep.iter().map(words).collect()
}

#[test]
fn the_newest_stay_and_the_oldest_go_first() {
    let plan = plan(&minutes_ago(&[5, 1, 9, 3]), &last(2));
    assert_eq!(reasons(&plan), ["last", "last"]);
    assert_eq!(minutes(&plan.delete), [9, 5]);
    let (newest, second) = plan.newest_two().unwrap();
    assert_eq!(minutes(&[newest.clone(), second.clone()]), [1, 3]);
}

#[test]
fn the_second_newest_may_be_one_that_goes() {
    let things = minutes_ago(&[1, 3, 5]);
    let plan = Plan::new(members(&things), &last(1), Some(&key(things[2].time)));
    assert_eq!(reasons(&plan), ["last", "new"]);
    let (newest, second) = plan.newest_two().unwrap();
    assert_eq!(minutes(&[newest.clone(), second.clone()]), [1, 3]);
}

#[test]
fn the_new_object_stays_even_where_it_is_not_among_the_newest() {
    let things = minutes_ago(&[1, 2, 3]);
    let plan = Plan::new(members(&things), &last(1), Some(&key(things[2].time)));
    assert_eq!(reasons(&plan), ["last", "new"]);
    assert_eq!(minutes(&plan.delete), [2]);
}

#[test]
fn an_object_from_the_future_stays_and_pushes_nobody_out() {
    let plan = plan(&minutes_ago(&[-16, 1, 2]), &last(1));
    assert_eq!(minutes(&plan.future), [-16]);
    assert_eq!((plan.keep.len(), minutes(&plan.delete)), (1, vec![2]));
}

#[test]
fn an_empty_object_neither_counts_nor_goes() {
    let mut things = minutes_ago(&[1, 2, 3, 4]);
    (things[0].size, things[2].size) = (0, 0);
    let plan = plan(&things, &last(1));
    assert_eq!(minutes(&plan.empty), [1, 3]);
    assert_eq!((plan.keep.len(), minutes(&plan.delete)), (1, vec![4]));
}

#[test]
fn a_late_object_neither_counts_nor_goes_unless_names_are_trusted() {
    let mut things = minutes_ago(&[10_000, 20_000, 30_000, 40_000]);
    things[0].received = things[0].time + Duration::days(1) + Duration::SECOND;
    things[1].received = things[1].time + Duration::days(1);
    let rules = Rules {
        last: 2,
        ..Rules::default()
    };
    let guarded = plan(&things, &policy(&rules));
    assert_eq!(minutes(&guarded.late), [10_000]);
    assert_eq!(minutes(&guarded.delete), [40_000]);
    let rules = Rules {
        trust_names: true,
        ..rules
    };
    let trusting = plan(&things, &policy(&rules));
    assert_eq!(trusting.late, []);
    assert_eq!(minutes(&trusting.delete), [40_000, 30_000]);
}

#[test]
fn an_object_that_was_listed_twice_counts_once() {
    let plan = plan(&minutes_ago(&[1, 1, 2, 3, 2]), &last(2));
    assert_eq!((plan.keep.len(), minutes(&plan.delete)), (2, vec![3]));
}

#[test]
fn the_oldest_stays_while_a_rule_has_periods_left() {
    let at = |day: u8, hour: u8| {
        thing(datetime!(2026-11-01 00:00 UTC).replace_day(day).unwrap() + Duration::hours(hour.into()))
    };
    let things = [at(1, 1), at(1, 2), at(2, 1), at(2, 2)];
    let daily = |count| {
        let rules = Rules {
            daily: count,
            ..Rules::default()
        };
        plan(&things, &policy(&rules))
    };
    assert_eq!(reasons(&daily(3)), ["daily", "daily", "oldest daily"]);
    assert_eq!(reasons(&daily(2)), ["daily", "daily"]);
    let unlimited = Policy {
        counts: vec![(Rule::Daily, Count::Unlimited)],
        ..Policy::default()
    };
    assert_eq!(reasons(&plan(&things, &unlimited)), ["daily", "daily", "oldest daily"]);
}

#[test]
fn within_reaches_back_from_the_newest_and_not_from_now() {
    let things = minutes_ago(&[10_000, 10_059, 10_060, 10_061]);
    let rules = Rules {
        within: Some((0, 0, 0, 1)),
        ..Rules::default()
    };
    let plan = plan(&things, &policy(&rules));
    assert_eq!(reasons(&plan), ["within 1h", "within 1h"]);
    assert_eq!(minutes(&plan.delete), [10_061, 10_060]);
}

/// A history: clusters of snapshots with gaps of very different length, some of them from the future, late or empty.
fn any_history() -> impl Strategy<Value = Vec<Thing>> {
    let gap = prop_oneof![1_i64..120, 1800_i64..7200, 40_000_i64..100_000, 500_000_i64..3_000_000];
    let one = (gap, 0_u8..10, 0_u8..10);
    (prop::collection::vec(one, 0..40), -3000_i64..100_000).prop_map(|(all, first)| {
        let mut time = NOW - Duration::seconds(first);
        let mut things = Vec::new();
        for (gap, size, late) in all {
            let delay = match late {
                0 => Duration::days(1),
                1 => Duration::days(1) + Duration::SECOND,
                2 => Duration::days(300),
                _ => Duration::MINUTE,
            };
            things.push(Thing {
                time,
                size: size.into(),
                received: time + delay,
            });
            time -= Duration::seconds(gap);
        }
        things
    })
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let count = || prop_oneof![Just(0_usize), 1_usize..4, 1_usize..30];
    let within = prop::option::of((0_i32..2, 0_i32..8, 0_i64..40, 0_i64..50));
    (
        count(),
        count(),
        count(),
        count(),
        count(),
        count(),
        within,
        any::<bool>(),
    )
        .prop_map(
            |(last, hourly, daily, weekly, monthly, yearly, within, trust_names)| Rules {
                last,
                hourly,
                daily,
                weekly,
                monthly,
                yearly,
                within: within.filter(|span| *span != (0, 0, 0, 0)),
                trust_names,
            },
        )
        .prop_filter("a rule", |rules| !policy(rules).is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn a_plain_model_agrees(history in any_history(), rules in any_rules()) {
        prop_assert_eq!(times(&plan(&history, &policy(&rules)).delete), model::deleted(&history, &rules, NOW));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_object_has_one_fate_and_those_that_stay_have_a_reason(history in any_history(), rules in any_rules()) {
        let plan = plan(&history, &policy(&rules));
        prop_assert!(plan.keep.iter().all(|kept| !kept.reasons.is_empty()));
        let others = [plan.delete.clone(), plan.future.clone(), plan.late.clone(), plan.empty.clone()].concat();
        prop_assert_eq!(plan.keep.len() + others.len(), history.len());
        let all: BTreeSet<_> = kept(&plan).union(&times(&others)).copied().collect();
        prop_assert_eq!(all.len(), history.len());
    }

    #[test]
    fn the_newest_is_always_kept_and_by_a_rule(history in any_history(), rules in any_rules()) {
        let plan = plan(&history, &policy(&rules));
        if let Some(kept) = plan.keep.first() {
            prop_assert!(plan.delete.iter().all(|gone| gone.time < kept.member.time));
            prop_assert!(kept.reasons.iter().all(|reason| *reason != Reason::Newest));
        } else {
            prop_assert!(plan.delete.is_empty());
        }
    }

    #[test]
    fn the_kept_set_grows_with_every_count(history in any_history(), rules in any_rules()) {
        let before = kept(&plan(&history, &policy(&rules)));
        let raised: [fn(&mut Rules); 7] = [
            |rules| rules.last += 1,
            |rules| rules.hourly += 1,
            |rules| rules.daily += 1,
            |rules| rules.weekly += 1,
            |rules| rules.monthly += 1,
            |rules| rules.yearly += 1,
            |rules| rules.within = rules.within.map(|(years, months, days, hours)| (years, months, days + 1, hours)),
        ];
        for raise in raised {
            let mut more = rules.clone();
            raise(&mut more);
            prop_assert!(kept(&plan(&history, &policy(&more))).is_superset(&before));
        }
    }

    #[test]
    fn the_order_of_the_listing_does_not_matter(
        (history, shuffled) in any_history().prop_flat_map(|history| (Just(history.clone()), Just(history).prop_shuffle())),
        rules in any_rules()
    ) {
        prop_assert_eq!(plan(&shuffled, &policy(&rules)), plan(&history, &policy(&rules)));
    }

    #[test]
    fn running_twice_deletes_nothing_more(history in any_history(), rules in any_rules()) {
        let gone = times(&plan(&history, &policy(&rules)).delete);
        let left: Vec<_> = history.into_iter().filter(|thing| !gone.contains(&thing.time)).collect();
        prop_assert_eq!(plan(&left, &policy(&rules)).delete, []);
    }

    #[test]
    fn objects_of_the_future_and_late_ones_never_free_a_real_one(
        history in any_history(), rules in any_rules(), planted in prop::collection::vec((0_i64..30_000_000, 0_i64..90_000), 1..30)
    ) {
        let rules = Rules { trust_names: false, ..rules };
        let before = plan(&history, &policy(&rules)).delete;
        let mut attacked = history;
        for (ago, ahead) in planted {
            let future = NOW + Duration::minutes(15) + Duration::seconds(1 + ahead);
            let past = NOW - Duration::days(1) - Duration::seconds(1 + ago);
            for time in [future, past] {
                if attacked.iter().all(|thing| thing.time != time) {
                    attacked.push(Thing { time, size: 1 << 30, received: NOW });
                }
            }
        }
        prop_assert_eq!(plan(&attacked, &policy(&rules)).delete, before);
    }
}

/// The policies that `docs/retention.md` offers keep about as many snapshots, and reach back as far, as it says.
#[test]
fn the_ready_policies_keep_what_the_page_says() {
    let page = include_str!("../../../../docs/retention.md");
    let mut policies = 0;
    for line in page.lines().filter(|line| line.contains("| about ")) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let hours = match cells[0] {
            "every 6 hours" => 6,
            "every hour" => 1,
            "once a day" => 24,
            other => unreachable!("{other}"),
        };
        let mut rules = Rules::default();
        let words: Vec<_> = cells[1].trim_matches('`').split(' ').collect();
        for pair in words.chunks(2) {
            let count = pair[1].parse().unwrap();
            match pair[0] {
                "--keep-last" => rules.last = count,
                "--keep-hourly" => rules.hourly = count,
                "--keep-daily" => rules.daily = count,
                "--keep-weekly" => rules.weekly = count,
                "--keep-monthly" => rules.monthly = count,
                "--keep-yearly" => rules.yearly = count,
                other => unreachable!("{other}"),
            }
        }
        let history: Vec<_> = (0..5 * 365 * 24 / hours)
            .map(|run| thing(NOW - Duration::hours(run * hours)))
            .collect();
        let plan = plan(&history, &policy(&rules));
        let about: usize = cells[2].trim_start_matches("about ").parse().unwrap();
        assert!(
            plan.keep.len().abs_diff(about) * 10 <= about,
            "{line}: {}",
            plan.keep.len()
        );
        let days = match cells[3] {
            "10 to 11 months" => 10 * 30..=11 * 31,
            "2 to 3 years" => 2 * 365..=3 * 366,
            other => unreachable!("{other}"),
        };
        let back = NOW - plan.keep.last().unwrap().member.time;
        assert!(days.contains(&back.whole_days()), "{line}: {back}");
        policies += 1;
    }
    assert_eq!(policies, 3);
}
