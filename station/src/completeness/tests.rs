//! What is complete, and what is not.

use super::*;

const A: &str = "icu-3";

/// An agent's second run, after a first of nine readings of which two are gone for good.
fn whole() -> Account {
    let mut account = Account::default();
    account.handle_cursor(A, "two", 4);
    account.handle_run(A, "one", None);
    account.handle_run(A, "two", Some(("one", 9)));
    account.handle_gap(A, "one", 5, 6);
    for seq in [1, 2, 3, 4, 7, 8, 9] {
        account.handle_reading(A, "one", seq);
    }
    for seq in [2, 1, 4, 3] {
        account.handle_reading(A, "two", seq);
    }
    account
}

fn findings(account: &Account) -> Vec<Finding> {
    account.verdicts().remove(0).findings
}

fn of_run(run: &str, missing: &[(u64, u64)], doubled: u64) -> Vec<Finding> {
    vec![Finding { run: run.into(), missing: missing.to_vec(), doubled }]
}

#[test]
fn numbers_gaps_runs_and_cursor_that_fit_are_complete() {
    let verdicts = whole().verdicts();
    let said = "icu-3: complete: 11 readings in Kafka, 2 in gaps, 2 runs";
    assert_eq!(verdicts.iter().map(ToString::to_string).collect::<Vec<_>>(), [said]);
}

#[test]
fn each_way_of_not_fitting_is_told() {
    let mut account = whole();
    account.handle_reading(A, "one", 8);
    account.handle_reading(A, "one", 5);
    assert_eq!(findings(&account), of_run("one", &[], 2), "twice, and in spite of a gap");

    let mut account = whole();
    account.handle_cursor(A, "two", 7);
    assert_eq!(findings(&account), of_run("two", &[(5, 7)], 0), "the cursor promises more");

    let mut account = whole();
    account.handle_run(A, "two", Some(("one", 12)));
    assert_eq!(findings(&account), of_run("one", &[(10, 12)], 0), "the next run says that there was more");

    let mut account = whole();
    account.handle_reading(A, "two", 9);
    assert_eq!(findings(&account), of_run("two", &[(5, 8)], 0), "a hole before what was seen");
    let words = account.verdicts()[0].to_string();
    assert!(words.contains("NOT COMPLETE") && words.contains("missing 5 to 8"), "{words}");
}

#[test]
fn what_nobody_claims_is_not_missing() {
    let mut account = whole();
    // A run that has begun and has nothing in Kafka yet; the one before it goes on being sent.
    account.handle_run(A, "three", Some(("two", 90)));
    assert_eq!(findings(&account), []);
    // Kafka has deleted what is old.
    let mut account = Account { truncated: true, ..Account::default() };
    account.handle_cursor(A, "one", 9);
    for seq in 7..=9 {
        account.handle_reading(A, "one", seq);
    }
    assert_eq!(findings(&account), []);
}

#[test]
fn a_ledger_that_runs_in_a_circle_is_survived() {
    let mut account = Account::default();
    account.handle_run(A, "one", Some(("two", 1)));
    account.handle_run(A, "two", Some(("one", 1)));
    account.handle_cursor(A, "one", 0);
    assert_eq!(findings(&account), of_run("two", &[(1, 1)], 0), "the cursor says nothing of its own run yet");
}

#[test]
fn ranges_come_to_the_same_in_any_order() {
    for order in [[1, 2, 3, 5, 6], [6, 5, 3, 2, 1], [2, 6, 1, 5, 3]] {
        let mut numbers = Numbers::default();
        for it in order {
            numbers.add(it, it);
        }
        assert_eq!(
            (numbers.first(), numbers.last(), numbers.count(), numbers.repeated),
            (Some(1), Some(6), 5, 0)
        );
        assert_eq!(numbers.missing(&Numbers::default(), 1, 8), [(4, 4), (7, 8)]);
        numbers.add(2, 7);
        assert_eq!((numbers.count(), numbers.repeated), (7, 4));
    }
}
