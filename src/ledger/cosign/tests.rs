//! Danger: a checkpoint that looks witnessed and is not; a witness that is slow, dead or lying holds up the others; one checkpoint replaces a
//! larger one. Witnesses here are our own role and rules, played in memory at a time that the test sets.

use std::sync::Arc;

use super::gather::*;
use super::status::State;
use crate::ledger::Head;
use crate::ledger::clock::Reading;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::cosignature::Cosigner;
use crate::tlog::merkle::{Hash, Tree};
use crate::tlog::note::{Signature, Signer};
use crate::tlog::policy::Policy;
use crate::trade::time::Time;

const ORIGIN: &str = "ledger.example/log";
const START_S: i64 = 1_800_000_000;

fn log() -> Signer {
    Signer::from_seed(ORIGIN, &[1; 32]).unwrap()
}

fn witness(at: usize) -> Cosigner {
    let seed = u8::try_from(at).unwrap();
    Cosigner::from_seed(&format!("w{at}.example"), &[10 + seed; 32]).unwrap()
}

/// Witnesses w0, w1, w2; those in `reachable` have a URL.
fn policy(reachable: &[usize], quorum: &str) -> Policy {
    let mut text = format!("log {}\n", log().vkey());
    for at in 0..3 {
        let url = match reachable.contains(&at) {
            true => format!(" http://w{at}.example"),
            false => String::new(),
        };
        text.push_str(&format!("witness w{at} {}{url}\n", witness(at).vkey()));
    }
    text.push_str("group two 2 w0 w1 w2\n");
    text.push_str(&format!("quorum {quorum}\n"));
    Policy::parse(text.as_bytes()).unwrap()
}

fn two_of_three() -> Gathering {
    Gathering::new(Some(policy(&[0, 1, 2], "two")), None)
}

fn head(size: u64) -> Arc<Head> {
    let tree = Tree {
        size,
        root_hash: Hash::sha256(&size.to_be_bytes()),
    };
    let note = log().sign_note(Checkpoint::new(ORIGIN, tree).encode());
    Arc::new(Head {
        tree,
        note: note.encode(),
        time: Time::from_ms(START_S * 1_000),
    })
}

fn at(ms: i64) -> Reading {
    Reading {
        wall: Time::from_ms(START_S * 1_000 + ms).unwrap(),
        boot_ms: ms,
    }
}

fn line(witness_at: usize, head: &Head, second: i64) -> Signature {
    let text = Checkpoint::new(ORIGIN, head.tree).encode();
    witness(witness_at).sign(&text, u64::try_from(START_S + second).unwrap())
}

fn asked(asks: &[Ask]) -> Vec<(usize, u64, u64)> {
    asks.iter()
        .map(|ask| (ask.witness, ask.old_size, ask.head.tree.size))
        .collect()
}

/// The witness cosigns what it was asked for.
fn signs(gathering: &mut Gathering, ask: &Ask, head_size: u64, now: Reading) {
    let second = now.boot_ms / 1_000;
    let answer = Answer::Signed(vec![line(ask.witness, &ask.head, second)]);
    assert_eq!(gathering.answered(ask, answer, head_size, now), None);
}

fn chosen_size(gathering: &mut Gathering, head: &Arc<Head>, now: Reading) -> Option<(u64, usize)> {
    let chosen = gathering.chosen(head, now)?;
    assert!(chosen.met);
    let judged = policy(&[], "two")
        .open(chosen.head.note.as_bytes())
        .unwrap();
    Some((chosen.head.tree.size, judged.cosignatures().len()))
}

#[test]
fn two_of_three_are_enough_and_the_dead_one_is_not_waited_for() {
    let mut g = two_of_three();
    let one = head(1);
    let asks = g.tick(&one, at(0));
    assert_eq!(asked(&asks), [(0, 0, 1), (1, 0, 1), (2, 0, 1)]);
    // One request a witness is outstanding.
    assert!(g.tick(&one, at(100)).is_empty());
    assert_eq!(chosen_size(&mut g, &one, at(100)), None);
    signs(&mut g, &asks[0], 1, at(200));
    assert_eq!(chosen_size(&mut g, &one, at(200)), None, "one is not two");
    signs(&mut g, &asks[1], 1, at(300));
    assert_eq!(chosen_size(&mut g, &one, at(300)), Some((1, 2)));
    // The third has not answered; the next head goes to the others all the same, each from what it has.
    let five = head(5);
    assert_eq!(asked(&g.tick(&five, at(1_200))), [(0, 1, 5), (1, 1, 5)]);
    // When it answers at last, its line joins what it is for.
    signs(&mut g, &asks[2], 5, at(1_300));
    assert_eq!(chosen_size(&mut g, &five, at(1_300)), Some((1, 3)));
    assert_eq!(asked(&g.tick(&five, at(1_400))), [(2, 1, 5)]);
}

#[test]
fn under_load_the_newest_head_goes_out_once_a_second() {
    let mut g = two_of_three();
    let mut sent = Vec::new();
    for n in 0..100 {
        let now = at(n * 50);
        let newest = head(u64::try_from(n).unwrap() + 1);
        for ask in g.tick(&newest, now) {
            sent.push(ask.head.tree.size);
            signs(&mut g, &ask, newest.tree.size, now);
        }
        let (size, lines) = chosen_size(&mut g, &newest, now).unwrap();
        assert_eq!((size, lines), (*sent.last().unwrap(), 3));
    }
    sent.dedup();
    assert_eq!(sent, [1, 21, 41, 61, 81]);
}

#[test]
fn a_head_without_a_quorum_makes_room_and_its_lines_still_count() {
    let mut g = two_of_three();
    let (one, two) = (head(1), head(2));
    let asks = g.tick(&one, at(0));
    signs(&mut g, &asks[0], 1, at(10));
    // w1 and w2 hang. A newer head waits until patience is at an end, then goes to who is free.
    assert!(g.tick(&two, at(PATIENCE_MS - 1)).is_empty());
    let next = g.tick(&two, at(PATIENCE_MS));
    assert_eq!(asked(&next), [(0, 1, 2)]);
    signs(&mut g, &next[0], 2, at(PATIENCE_MS));
    signs(&mut g, &asks[1], 2, at(PATIENCE_MS + 10));
    assert_eq!(
        chosen_size(&mut g, &two, at(PATIENCE_MS + 10)),
        Some((1, 2))
    );
    let next = g.tick(&two, at(PATIENCE_MS + 20));
    assert_eq!(asked(&next), [(1, 1, 2)]);
    signs(&mut g, &next[0], 2, at(PATIENCE_MS + 30));
    assert_eq!(
        chosen_size(&mut g, &two, at(PATIENCE_MS + 30)),
        Some((2, 2))
    );
    // The slow one's line for the old tree changes nothing any more.
    signs(&mut g, &asks[2], 2, at(PATIENCE_MS + 40));
    assert_eq!(
        chosen_size(&mut g, &two, at(PATIENCE_MS + 40)),
        Some((2, 2))
    );
}

#[test]
fn one_that_is_behind_is_caught_up_from_the_size_that_it_names() {
    let mut g = two_of_three();
    let nine = head(9);
    let asks = g.tick(&nine, at(0));
    assert_eq!(g.answered(&asks[0], Answer::Size(4), 9, at(10)), None);
    assert_eq!(g.seats[0].last_seen.state, State::CatchingUp);
    let again = g.tick(&nine, at(10));
    assert_eq!(asked(&again), [(0, 4, 9)]);
    signs(&mut g, &again[0], 9, at(20));
    assert_eq!(g.seats[0].last_seen.state, State::Cosigns);
    // One that answers the same size for ever is not asked for ever.
    let mut asks = vec![asks[1].clone()];
    let mut asked = 0;
    for n in 0..1_000 {
        for ask in std::mem::take(&mut asks) {
            asked += 1;
            g.answered(&ask, Answer::Size(5 + asked % 2), 9, at(100 + n * 10));
        }
        asks = g.tick(&nine, at(100 + n * 10));
    }
    assert!(asked < 24, "{asked} requests in ten seconds");
}

#[test]
fn failures_are_tried_again_with_growing_pauses() {
    let mut g = two_of_three();
    let one = head(1);
    let mut tries = Vec::new();
    for n in 0..2_000 {
        let now = at(n * 100);
        for ask in g.tick(&one, now) {
            if ask.witness == 0 {
                tries.push(now.boot_ms / 1_000);
            }
            let answer = match ask.witness {
                0 => Answer::Failed("refused".into()),
                1 => Answer::Refused {
                    status: 500,
                    said: String::new(),
                },
                _ => Answer::Signed(vec![line(0, &one, 0)]),
            };
            assert_eq!(g.answered(&ask, answer, 1, now), None);
        }
    }
    assert_eq!(tries, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
    let state = |at: usize| g.seats[at].last_seen.state.words(false).0;
    assert_eq!(
        [state(0), state(1), state(2)],
        ["silent", "refuses", "other-key"]
    );
    assert_eq!(chosen_size(&mut g, &one, at(200_000)), None);
}

#[test]
fn what_does_not_verify_or_cannot_be_dated_so_does_not_count() {
    let one = head(1);
    let other = head(2);
    let rows: &[(Signature, &str)] = &[
        (line(0, &one, 0), "cosigns"),
        (line(0, &one, 300), "cosigns"),
        (line(0, &one, -300), "cosigns"),
        (line(0, &one, 301), "clock"),
        (line(0, &one, -301), "clock"),
        (line(0, &other, 0), "bad-signature"),
        (line(1, &one, 0), "other-key"),
    ];
    for (signature, want) in rows {
        let mut g = two_of_three();
        let asks = g.tick(&one, at(0));
        let answer = Answer::Signed(vec![signature.clone()]);
        g.answered(&asks[0], answer, 1, at(0));
        assert_eq!(g.seats[0].last_seen.state.words(false).0, *want);
        signs(&mut g, &asks[1], 1, at(0));
        let met = chosen_size(&mut g, &one, at(0)).is_some();
        assert_eq!(met, *want == "cosigns", "{want}");
    }
}

#[test]
fn one_witness_twice_is_one_witness() {
    let mut g = two_of_three();
    let one = head(1);
    let asks = g.tick(&one, at(0));
    let twice = vec![line(0, &one, 0), line(0, &one, 1)];
    g.answered(&asks[0], Answer::Signed(twice), 1, at(0));
    let again = line(0, &one, 2);
    assert_eq!(g.count(0, 1, &again, Came::Delivered, at(0)), Ok(()));
    assert_eq!(chosen_size(&mut g, &one, at(0)), None);
}

#[test]
fn one_that_is_ahead_holds_writing_until_it_takes_it_back() {
    let mut g = two_of_three();
    let nine = head(9);
    let asks = g.tick(&nine, at(0));
    // Past what it was asked for, and not past the head: it was asked by somebody else meanwhile.
    assert_eq!(g.answered(&asks[1], Answer::Size(10), 10, at(0)), None);
    assert_eq!(g.holds(), None);
    let alarm = g.answered(&asks[0], Answer::Size(11), 10, at(0));
    assert_eq!(alarm, Some(Alarm::Ahead { size: 11 }));
    assert!(g.holds().unwrap().contains("w0 has cosigned 11 records"));
    // Its silence takes nothing back.
    let again = g.tick(&nine, at(1_000));
    let again = again.iter().find(|ask| ask.witness == 0).unwrap();
    g.answered(again, Answer::Failed("timed out".into()), 10, at(1_000));
    assert!(g.holds().unwrap().contains("w0 has cosigned 11 records"));
    // It is asked again for what there is, later.
    let again = g.tick(&nine, at(4_000));
    let again = again.iter().find(|ask| ask.witness == 0).unwrap();
    assert_eq!((again.old_size, again.head.tree.size), (9, 9));
    signs(&mut g, again, 10, at(4_000));
    assert_eq!(g.holds(), None);
    // What the log's own signature proves is not taken back.
    g.prove("two histories".into());
    assert_eq!(g.holds().as_deref(), Some("two histories"));
}

/// Before anything is signed, the word of one that has another tree is enough to wait for a person; only its own cosignature ends that.
#[test]
fn one_that_is_beside_at_start_holds_writing_until_it_cosigns() {
    let mut g = two_of_three();
    g.is_beside(1, 9, at(0));
    assert!(g.holds().unwrap().contains("w1 said at start"));
    let nine = head(9);
    let asks = g.tick(&nine, at(2_000));
    let ask = asks.iter().find(|ask| ask.witness == 1).unwrap();
    g.answered(ask, Answer::Failed("timed out".into()), 9, at(2_000));
    assert!(g.holds().is_some(), "silence takes nothing back");
    let asks = g.tick(&nine, at(9_000));
    let ask = asks.iter().find(|ask| ask.witness == 1).unwrap();
    signs(&mut g, ask, 9, at(9_000));
    assert_eq!(g.holds(), None);
}

#[test]
fn one_that_disagrees_raises_an_alarm_in_either_version_of_the_protocol() {
    let refused = Answer::Refused {
        status: 422,
        said: "no".into(),
    };
    let nine = head(9);
    let mut g = two_of_three();
    let asks = g.tick(&nine, at(0));
    let alarm = g.answered(&asks[0], refused, 9, at(0));
    assert!(matches!(alarm, Some(Alarm::Disagrees { .. })));
    assert_eq!(g.holds(), None, "its word alone stops nothing");
    // v1.0.0 of tlog-witness answers 409 with the very size that was named.
    signs(&mut g, &asks[1], 9, at(0));
    let renew = g.tick(&nine, at(RENEW_MS));
    let renew = renew.iter().find(|ask| ask.witness == 1).unwrap();
    assert_eq!(renew.old_size, 9);
    let alarm = g.answered(renew, Answer::Size(9), 9, at(RENEW_MS));
    assert!(matches!(alarm, Some(Alarm::Disagrees { .. })));
}

#[test]
fn the_same_size_is_cosigned_again_every_ten_minutes() {
    let mut g = two_of_three();
    let one = head(1);
    for ask in g.tick(&one, at(0)) {
        signs(&mut g, &ask, 1, at(0));
    }
    assert!(g.tick(&one, at(RENEW_MS - 1)).is_empty());
    let renewed = at(RENEW_MS);
    let asks = g.tick(&one, renewed);
    assert_eq!(asked(&asks), [(0, 1, 1), (1, 1, 1), (2, 1, 1)]);
    for ask in &asks {
        signs(&mut g, ask, 1, renewed);
    }
    let note = &g.chosen(&one, renewed).unwrap().head.note;
    let judged = policy(&[], "two").open(note.as_bytes()).unwrap();
    let newest = u64::try_from(START_S + RENEW_MS / 1_000).unwrap();
    assert!(
        judged
            .cosignatures()
            .iter()
            .all(|line| line.timestamp == newest)
    );
}

#[test]
fn a_delivered_line_agrees_with_our_clock_or_says_nothing_of_it() {
    let one = head(1);
    for (second, want) in [(0, Some(Ok(()))), (-3_600, None), (300, Some(Ok(())))] {
        let mut g = Gathering::new(Some(policy(&[], "two")), None);
        let now = at(7_200_000);
        g.tick(&one, now);
        for witness_at in [0, 1] {
            let signature = line(witness_at, &one, 7_200 + second);
            g.count(witness_at, 1, &signature, Came::Delivered, now)
                .unwrap();
        }
        assert_eq!(g.clock(0, now), want, "{second}");
    }
}

/// Two that come at different times would otherwise each cosign another head, and never meet.
#[test]
fn witnesses_that_come_by_themselves_meet_on_one_checkpoint() {
    let mut g = Gathering::new(Some(policy(&[], "two")), None);
    for n in 1..=20 {
        assert!(
            g.tick(&head(n), at(i64::try_from(n).unwrap() * 3_000))
                .is_empty()
        );
    }
    let now = at(60_000);
    let offered = g.to_cosign(&head(20));
    let size = offered.tree.size;
    assert!(size >= 19, "{size} is younger than a witness's patience");
    let mine = line(0, &offered, 60);
    assert_eq!(g.count(0, size, &mine, Came::Delivered, now), Ok(()));
    for n in 21..=40 {
        g.tick(&head(n), at(60_000 + i64::try_from(n).unwrap() * 1_000));
    }
    let now = at(110_000);
    let again = g.to_cosign(&head(40));
    assert_eq!(again.tree.size, size, "the second one is offered the same");
    let other = line(2, &again, 110);
    assert_eq!(g.count(2, size, &other, Came::Delivered, now), Ok(()));
    assert_eq!(chosen_size(&mut g, &head(40), now), Some((size, 2)));
    // Now it is met: who comes next is offered what is new. And one that nobody else cosigns is given up.
    g.tick(&head(41), at(116_000));
    let lonely = g.to_cosign(&head(41));
    assert_eq!(lonely.tree.size, 41);
    let mine = line(0, &lonely, 116);
    assert_eq!(g.count(0, 41, &mine, Came::Delivered, at(116_000)), Ok(()));
    for (ms, want) in [(OFFER_MS_MAX - 1, 41), (OFFER_MS_MAX, 50)] {
        g.tick(&head(50), at(116_000 + ms));
        assert_eq!(g.to_cosign(&head(50)).tree.size, want);
    }
}

/// Two have carried away different checkpoints, and no witness cosigns less than it has cosigned: they meet on the larger.
#[test]
fn what_cannot_be_met_any_more_is_not_offered_any_longer() {
    let mut g = Gathering::new(Some(policy(&[], "two")), None);
    let mut carried = Vec::new();
    for n in 1..=2u64 {
        let now = at(i64::try_from(n).unwrap() * PATIENCE_MS);
        g.tick(&head(n), now);
        carried.push(g.to_cosign(&head(n)));
    }
    let bring = |g: &mut Gathering, who: usize, head: &Head, second: i64| {
        let now = at(second * 1_000);
        let mine = line(who, head, second);
        g.count(who, head.tree.size, &mine, Came::Delivered, now)
    };
    assert_eq!(bring(&mut g, 0, &carried[0], 20), Ok(()));
    assert_eq!(
        g.to_cosign(&head(3)).tree.size,
        1,
        "w1 and w2 may still meet w0 there"
    );
    assert_eq!(bring(&mut g, 1, &carried[1], 21), Ok(()));
    assert_eq!(g.to_cosign(&head(3)).tree.size, 1, "w2 may");
    g.seats[2].seen = Some(2);
    g.tick(&head(3), at(22_000));
    assert_eq!(g.to_cosign(&head(3)).tree.size, 2);
    assert_eq!(bring(&mut g, 0, &carried[1], 23), Ok(()));
    assert_eq!(chosen_size(&mut g, &head(3), at(23_000)), Some((2, 2)));
}

#[test]
fn one_reachable_witness_and_one_that_comes_make_a_quorum() {
    let mut g = Gathering::new(Some(policy(&[0], "two")), None);
    let mut size = 1;
    // Records all the time; w0 answers at once, w1 comes once a minute.
    for n in 0..600 {
        let now = at(n * 200);
        size += 1;
        let newest = head(size);
        for ask in g.tick(&newest, now) {
            signs(&mut g, &ask, size, now);
        }
        if n % 300 == 299 {
            let offered = g.to_cosign(&newest);
            let mine = line(1, &offered, now.boot_ms / 1_000);
            g.count(1, offered.tree.size, &mine, Came::Delivered, now)
                .unwrap();
            for ask in g.tick(&newest, now) {
                signs(&mut g, &ask, size, now);
            }
            let (met, _) = chosen_size(&mut g, &newest, now).expect("w0 has the same one");
            assert!(size - met <= 30, "{met} of {size}");
        }
    }
}

#[test]
fn a_delivered_line_may_be_old_but_not_older_than_its_tree() {
    let mut g = Gathering::new(Some(policy(&[], "two")), None);
    let one = head(1);
    let now = at(7_200_000);
    g.tick(&one, now);
    let count = |g: &mut Gathering, second| {
        let signature = line(0, &one, second);
        g.count(0, 1, &signature, Came::Delivered, now)
    };
    assert_eq!(count(&mut g, 0), Ok(()));
    assert_eq!(count(&mut g, 7_200), Ok(()));
    assert_eq!(count(&mut g, 7_501), Err(Uncounted::Clock { off_s: 301 }));
    assert_eq!(count(&mut g, -301), Err(Uncounted::Clock { off_s: -7_501 }));
    let past = line(0, &head(2), 0);
    assert_eq!(
        g.count(0, 2, &past, Came::Delivered, now),
        Err(Uncounted::Past)
    );
}

#[test]
fn without_a_quorum_checkpoint_stays_behind_unless_it_is_told_to_go_on() {
    let one = head(1);
    let mut closed = two_of_three();
    let mut open = Gathering::new(Some(policy(&[0, 1, 2], "two")), Some(60_000));
    for g in [&mut closed, &mut open] {
        let asks = g.tick(&one, at(0));
        signs(g, &asks[0], 1, at(0));
        g.tick(&one, at(59_999));
        assert_eq!(g.chosen(&one, at(59_999)), None);
        g.tick(&one, at(60_000));
    }
    assert_eq!(closed.chosen(&one, at(86_400_000)), None);
    let chosen = open.chosen(&one, at(60_000)).unwrap();
    assert!(!chosen.met && open.fails_open(at(60_000)));
    assert!(
        chosen.head.note.contains("— w0.example "),
        "what there is goes with it"
    );
    // The second witness is back: closed again, without anybody doing anything.
    let asks = open.tick(&one, at(61_000));
    assert!(asks.is_empty(), "both are busy");
    let two = line(1, &one, 61);
    assert_eq!(open.count(1, 1, &two, Came::Delivered, at(61_000)), Ok(()));
    assert_eq!(chosen_size(&mut open, &one, at(61_000)), Some((1, 2)));
    assert!(!open.fails_open(at(61_000)));
}

#[test]
fn with_quorum_none_every_head_is_the_checkpoint_and_lines_are_added_as_they_come() {
    let mut nobody = Gathering::new(None, None);
    let one = head(1);
    assert!(nobody.tick(&one, at(0)).is_empty());
    let chosen = nobody.chosen(&one, at(0)).unwrap();
    assert!(chosen.met && chosen.head == one);

    let mut g = Gathering::new(Some(policy(&[0], "none")), None);
    let asks = g.tick(&one, at(0));
    assert_eq!(g.chosen(&one, at(0)).unwrap().head, one);
    signs(&mut g, &asks[0], 1, at(0));
    let chosen = g.chosen(&one, at(0)).unwrap();
    assert!(chosen.met && chosen.head.note.contains("— w0.example "));
    // The next head is not held up by the round that is under way.
    assert_eq!(g.chosen(&head(2), at(0)).unwrap().head, head(2));
}

#[test]
fn what_was_published_before_a_restart_still_counts() {
    let mut before = two_of_three();
    let nine = head(9);
    for ask in before.tick(&nine, at(0)).iter().take(2) {
        signs(&mut before, ask, 9, at(0));
    }
    let published = before.chosen(&nine, at(0)).unwrap().head;
    let mut g = two_of_three();
    let newest = g.begin(&published, at(60_000));
    assert_eq!(newest, Time::from_ms(START_S * 1_000));
    assert_eq!(chosen_size(&mut g, &nine, at(60_000)), Some((9, 2)));
    assert_eq!(asked(&g.tick(&nine, at(60_000))), [(2, 0, 9)]);
    assert_eq!(asked(&g.tick(&nine, at(RENEW_MS))), [(0, 9, 9), (1, 9, 9)]);
    // By another policy the same note is not enough.
    let mut all = policy(&[], "two").encode();
    all = all.replace("group two 2", "group two 3");
    let mut strict = Gathering::new(Some(Policy::parse(all.as_bytes()).unwrap()), None);
    strict.begin(&published, at(60_000));
    assert_eq!(strict.chosen(&nine, at(60_000)), None);
}

#[test]
fn a_quorum_of_fresh_times_vouches_for_our_clock_or_against_it() {
    type Word = Option<Result<(), i64>>;
    let rows: &[(&[i64], Word)] = &[
        (&[], None),
        (&[0], None),
        (&[0, 300], Some(Ok(()))),
        (&[0, 3_600], None),
        (&[0, 0, 3_600], Some(Ok(()))),
        (&[3_600, 3_700], Some(Err(3_700))),
        (&[-3_600, -3_600, 0], Some(Err(-3_600))),
    ];
    for (offs, want) in rows {
        let mut g = two_of_three();
        let one = head(1);
        let asks = g.tick(&one, at(1_000));
        for (ask, off_s) in asks.iter().zip(*offs) {
            let answer = Answer::Signed(vec![line(ask.witness, &one, 1 + off_s)]);
            g.answered(ask, answer, 1, at(1_000));
        }
        assert_eq!(g.clock(0, at(1_000)), *want, "{offs:?}");
        assert_eq!(g.clock(1_000, at(2_000)), None, "older than the doubt");
        assert_eq!(g.clock(0, at(200_000)), None, "too long ago");
    }
}

/// A visit of a stranger or of a witness that then dies, and the log goes on: the others are asked for every head.
#[test]
fn a_visit_stops_nobody_from_being_asked() {
    for (reachable, brings) in [(&[0, 1][..], true), (&[0, 1], false), (&[0, 1, 2], false)] {
        let mut g = Gathering::new(Some(policy(reachable, "two")), None);
        for n in 1..=600u64 {
            let now = at(i64::try_from(n).unwrap() * 2_000);
            let newest = head(n);
            if n == 5 {
                let offered = g.to_cosign(&newest);
                if brings {
                    g.gather_for_head(&offered);
                    let mine = line(2, &offered, now.boot_ms / 1_000);
                    let _ = g.count(2, offered.tree.size, &mine, Came::Delivered, now);
                }
            }
            for ask in g.tick(&newest, now) {
                signs(&mut g, &ask, n, now);
            }
            g.check();
            for ask in g.tick(&newest, now) {
                signs(&mut g, &ask, n, now);
            }
            let met = chosen_size(&mut g, &newest, now).map(|(size, _)| size);
            assert_eq!(met, Some(n));
        }
    }
}

#[test]
fn a_checkpoint_that_lags_is_an_alarm_that_says_whose_fault_it_is() {
    let mut g = two_of_three();
    let one = head(1);
    let asks = g.tick(&one, at(0));
    for ask in &asks {
        signs(&mut g, ask, 1, at(0));
    }
    // The next head is there, and nobody is asked for it.
    for (ms, late) in [
        (1_000, None),
        (1_000 + LAG_MS_MAX, None),
        (1_001 + LAG_MS_MAX, Some(true)),
    ] {
        g.tick(&head(2), at(ms));
        assert_eq!(
            g.overdue(at(ms)).map(|one| one.witnesses_answer),
            late,
            "{ms}"
        );
    }
    // Two of them stop to answer: then it is theirs.
    for ask in asks.iter().take(2) {
        g.answered(ask, Answer::Failed("refused".into()), 2, at(62_000));
    }
    assert_eq!(
        g.overdue(at(62_000)).map(|one| one.witnesses_answer),
        Some(false)
    );
    let mut none = Gathering::new(None, None);
    none.tick(&one, at(0));
    assert_eq!(none.overdue(at(600_000)), None);
}

/// What was judged is not judged again with every head, and a new line is.
#[test]
fn a_line_that_comes_late_is_shown() {
    let mut g = two_of_three();
    let one = head(1);
    let asks = g.tick(&one, at(0));
    signs(&mut g, &asks[0], 1, at(0));
    signs(&mut g, &asks[1], 1, at(0));
    let two = g.chosen(&one, at(0)).unwrap();
    assert!(Arc::ptr_eq(
        &two.head,
        &g.chosen(&head(2), at(1)).unwrap().head
    ));
    signs(&mut g, &asks[2], 1, at(2));
    assert_eq!(chosen_size(&mut g, &one, at(2)), Some((1, 3)));
}

mod asking;
