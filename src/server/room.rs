//! Room that all peers share: bytes of memory, or places. When it runs short, who makes the others wait goes first.
//!
//! A [`Room`] is one budget for the whole server, whoever asks. Each connection that takes from it is a [`Guest`]; what it holds
//! is a [`Share`], given back when that is dropped. A guest who wants room that is not there *presses*: the guest who
//! has made us wait longest (see [`Pulse::owes`](super::pace::Pulse::owes)) is cut off, its shares come back, and nobody who moves his
//! bytes is ever cut. So slow peers are served as long as there is room, and can hold nobody up.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::pace::SharedPulse;
use super::tally::{Refusal, note};

/// Who is on the other side of a request, found in its extensions: the address that counts, and a way to hang up.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    address: IpAddr,
    /// `None` where a router is asked without a socket.
    pulse: Option<SharedPulse>,
}

impl Client {
    pub(crate) fn new(address: IpAddr, pulse: SharedPulse) -> Client {
        Client {
            address: counted(address),
            pulse: Some(pulse),
        }
    }

    /// Of a request; one that came over no socket is nobody's.
    pub(crate) fn of(extensions: &axum::http::Extensions) -> Client {
        let found = extensions.get().cloned();
        found.unwrap_or(Client {
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            pulse: None,
        })
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }

    fn owes(&self, now: Instant) -> Duration {
        self.pulse
            .as_ref()
            .map_or(Duration::ZERO, |pulse| pulse.lock().owes(now))
    }

    fn cut(&self) {
        if let Some(pulse) = &self.pulse {
            pulse.cut();
        }
    }
}

impl<S: Sync> axum::extract::FromRequestParts<S> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _state: &S,
    ) -> Result<Client, Self::Rejection> {
        Ok(Client::of(&parts.extensions))
    }
}

/// What counts as one address: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer is given.
pub(crate) fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

/// How long a guest must have made us wait before another one's need ends his stay.
const GRACE: Duration = Duration::from_secs(2);
/// Who has made us wait so long is served after those who have not.
const SLOW: Duration = Duration::from_millis(250);
/// Between two looks at who holds the room.
const LOOK: Duration = Duration::from_millis(50);

/// One budget for all.
#[derive(Debug)]
pub(crate) struct Room {
    total: usize,
    /// The most that one address may hold.
    address_max: usize,
    /// How long one who wants room is kept waiting, at most.
    patience: Duration,
    refusal: Refusal,
    guests: Mutex<Vec<Weak<Guest>>>,
    book: Mutex<Book>,
}

/// Who has what, and who comes next.
#[derive(Debug)]
struct Book {
    free: usize,
    by_address: HashMap<IpAddr, usize>,
    queue: Vec<Waiter>,
    looked: Instant,
}

/// One who wants room.
#[derive(Debug)]
struct Waiter {
    guest: Arc<Guest>,
    amount: usize,
    granted: oneshot::Sender<Share>,
}

/// Whose leaving would help those who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needed {
    Anybody,
    OneOf(IpAddr),
}

/// There is no room, and nobody who could be asked to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Room {
    /// A budget of `total`, of which one address holds three quarters at most.
    pub(crate) fn new(total: usize, patience: Duration, refusal: Refusal) -> Arc<Room> {
        Arc::new(Room {
            total,
            address_max: (total - total / 4).max(1),
            patience,
            refusal,
            guests: Mutex::default(),
            book: Mutex::new(Book {
                free: total,
                by_address: HashMap::new(),
                queue: Vec::new(),
                looked: Instant::now(),
            }),
        })
    }

    pub(crate) fn guest(self: &Arc<Room>, client: Client) -> Arc<Guest> {
        let guest = Arc::new(Guest {
            room: self.clone(),
            client,
            held: AtomicUsize::new(0),
        });
        locked(&self.guests).push(Arc::downgrade(&guest));
        guest
    }

    #[cfg(test)]
    fn free(&self) -> usize {
        locked(&self.book).free
    }

    /// Gives room to those who wait, in the order of their coming, those who make us wait themselves last. Nobody passes one who only lacks
    /// free room; whoever is at the limit of his address holds up nobody at another one. Returns who should leave.
    fn grant(&self, now: Instant) -> Vec<Needed> {
        let (mut granted, mut needed) = (Vec::new(), Vec::new());
        let mut book = locked(&self.book);
        let queue = std::mem::take(&mut book.queue).into_iter();
        let (gone, queue): (Vec<Waiter>, _) = queue.partition(|one| one.granted.is_closed());
        let (quick, slow): (Vec<Waiter>, Vec<Waiter>) = queue
            .into_iter()
            .partition(|one| one.guest.client.owes(now) < SLOW);
        for one in quick.into_iter().chain(slow) {
            let (guest, address) = (&one.guest, one.guest.client.address);
            let of_address = book.by_address.get(&address).copied().unwrap_or(0);
            if needed.contains(&Needed::Anybody) || needed.contains(&Needed::OneOf(address)) {
                book.queue.push(one);
            } else if of_address + one.amount > self.address_max {
                needed.push(Needed::OneOf(address));
                book.queue.push(one);
            } else if book.free < one.amount {
                needed.push(Needed::Anybody);
                book.queue.push(one);
            } else {
                book.free -= one.amount;
                *book.by_address.entry(address).or_default() += one.amount;
                guest.held.fetch_add(one.amount, Ordering::Relaxed);
                granted.push((
                    one.granted,
                    Share {
                        guest: one.guest,
                        amount: one.amount,
                    },
                ));
            }
        }
        drop(book);
        // Outside of the lock: a share whose asker left meanwhile comes back here.
        for (to, share) in granted {
            let _ = to.send(share);
        }
        drop(gone);
        needed
    }

    /// What is done now and then while somebody waits.
    fn look(&self, now: Instant) {
        let mut book = locked(&self.book);
        if now.saturating_duration_since(book.looked) < LOOK {
            return;
        }
        book.looked = now;
        drop(book);
        for needed in self.grant(now) {
            self.press(needed, now);
        }
    }

    /// Hangs up on the guest who has made us wait longest, if that is long enough.
    fn press(&self, needed: Needed, now: Instant) {
        // Collected first: the last one to let go of a guest locks the list.
        let guests: Vec<Arc<Guest>> = locked(&self.guests)
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        let worst = guests
            .iter()
            .filter(|guest| guest.held.load(Ordering::Relaxed) > 0)
            .filter(|guest| match needed {
                Needed::Anybody => true,
                Needed::OneOf(address) => guest.client.address == address,
            })
            .map(|guest| (guest.client.owes(now), guest))
            .filter(|(owes, _)| *owes >= GRACE)
            .max_by_key(|(owes, _)| *owes);
        if let Some((_, worst)) = worst {
            note(Refusal::CutForRoom, worst.client.address);
            worst.client.cut();
        }
    }
}

/// Locks what is valid after every assignment.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One who may hold shares of a room.
#[derive(Debug)]
pub(crate) struct Guest {
    room: Arc<Room>,
    client: Client,
    held: AtomicUsize,
}

impl Guest {
    /// Takes `amount`, waiting for it as long as the room's patience; more than one address may hold counts as that much.
    pub(crate) async fn take(self: &Arc<Guest>, amount: usize) -> Result<Share, Full> {
        let room = &self.room;
        let began = Instant::now();
        let (granted, mut coming) = oneshot::channel();
        locked(&room.book).queue.push(Waiter {
            guest: self.clone(),
            amount: amount.min(room.address_max),
            granted,
        });
        room.grant(began);
        loop {
            match tokio::time::timeout(LOOK, &mut coming).await {
                Ok(share) => return share.map_err(|_| Full),
                Err(_) if began.elapsed() < room.patience => room.look(Instant::now()),
                Err(_) => {}
            }
            if began.elapsed() >= room.patience {
                coming.close();
                // It may have come in this very moment.
                return coming.try_recv().map_err(|_| {
                    note(room.refusal, self.client.address);
                    Full
                });
            }
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let me: *const Guest = self;
        locked(&self.room.guests).retain(|guest| !std::ptr::eq(guest.as_ptr(), me));
    }
}

/// What a guest holds, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    guest: Arc<Guest>,
    amount: usize,
}

impl Share {
    /// Gives back what is more than `amount`.
    pub(crate) fn shrink_to(&mut self, amount: usize) {
        let back = self.amount.saturating_sub(amount);
        if back > 0 {
            self.amount -= back;
            self.guest.held.fetch_sub(back, Ordering::Relaxed);
            let room = self.guest.room.clone();
            let mut book = locked(&room.book);
            book.free += back;
            debug_assert!(book.free <= room.total);
            let address = self.guest.client.address;
            if let Some(held) = book.by_address.get_mut(&address) {
                *held -= back;
                if *held == 0 {
                    book.by_address.remove(&address);
                }
            }
            let awaited = !book.queue.is_empty();
            drop(book);
            if awaited {
                room.grant(Instant::now());
            }
        }
    }

    /// These bytes, which hold the share for as long as anybody has them: also while they wait to be sent.
    pub(crate) fn with(self, bytes: bytes::Bytes) -> bytes::Bytes {
        struct Held {
            bytes: bytes::Bytes,
            _share: Share,
        }
        impl AsRef<[u8]> for Held {
            fn as_ref(&self) -> &[u8] {
                &self.bytes
            }
        }
        bytes::Bytes::from_owner(Held {
            bytes,
            _share: self,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::limits::Limits;
    use crate::server::pace::Pulse;

    fn client(address: &str) -> Client {
        let pulse = SharedPulse::new(Pulse::new(&Limits::default(), Instant::now()));
        Client::new(address.parse().unwrap(), pulse)
    }

    fn room(total: usize) -> Arc<Room> {
        Room::new(total, Duration::from_millis(100), Refusal::Answers)
    }

    #[tokio::test]
    async fn what_is_dropped_is_there_again_and_one_address_never_has_all() {
        let room = room(100);
        let (one, two) = (
            room.guest(client("192.0.2.1")),
            room.guest(client("192.0.2.2")),
        );
        let mut share = one.take(50).await.unwrap();
        assert_eq!(one.take(26).await.unwrap_err(), Full);
        let beside = two.take(50).await.unwrap();
        assert_eq!(room.free(), 0);
        share.shrink_to(10);
        let held = share.with(bytes::Bytes::from_static(b"answer"));
        assert_eq!((room.free(), &held[..]), (40, &b"answer"[..]));
        let part = held.slice(3..);
        drop(held);
        assert_eq!(room.free(), 40, "somebody has a part of it");
        drop((part, beside));
        assert_eq!(room.free(), 100);
        // More than there can be is as much as there can be, or it would wait for ever.
        drop(one.take(1_000).await.unwrap());
        drop((one, two));
        assert!(locked(&room.guests).is_empty());
        assert!(locked(&room.book).by_address.is_empty());
    }

    #[tokio::test]
    async fn who_makes_us_wait_is_cut_for_who_needs_the_room() {
        let room = room(4);
        let (slow, quick) = (client("192.0.2.1"), client("192.0.2.1"));
        let long_ago = Instant::now()
            .checked_sub(Duration::from_secs(60))
            .expect("the machine runs for a minute");
        for (client, since) in [(&slow, long_ago), (&quick, Instant::now())] {
            let mut pulse = client.pulse.as_ref().unwrap().lock();
            pulse.began();
            pulse.body_waits(since);
        }
        let (slow_guest, quick_guest) = (room.guest(slow.clone()), room.guest(quick.clone()));
        let (held_by_slow, _held_by_quick) = (
            slow_guest.take(1).await.unwrap(),
            quick_guest.take(2).await.unwrap(),
        );
        let leaves = tokio::spawn(async move {
            slow.pulse.unwrap().is_cut().await;
            drop(held_by_slow);
        });
        let third = room.guest(client("192.0.2.1"));
        let _held_by_third = third.take(1).await.expect("the slow one is cut");
        leaves.await.unwrap();
        let fourth = room.guest(client("192.0.2.1"));
        assert_eq!(
            fourth.take(2).await.unwrap_err(),
            Full,
            "the quick one is not"
        );
    }

    #[tokio::test]
    async fn room_is_given_in_the_order_of_coming_and_to_those_who_make_us_wait_last() {
        let room = Room::new(8, Duration::from_secs(60), Refusal::Answers);
        let all = [
            room.guest(client("192.0.2.1")).take(6).await.unwrap(),
            room.guest(client("192.0.2.2")).take(2).await.unwrap(),
        ];
        let slow = client("192.0.2.3");
        {
            let mut pulse = slow.pulse.as_ref().unwrap().lock();
            pulse.began();
            let since = Instant::now().checked_sub(Duration::from_secs(1));
            pulse.body_waits(since.expect("the machine runs for a second"));
        }
        let (told, mut order) = tokio::sync::mpsc::unbounded_channel();
        let wants = [
            ("slow", slow, 1),
            ("first", client("192.0.2.4"), 3),
            ("second", client("192.0.2.5"), 1),
        ];
        let mut askers = tokio::task::JoinSet::new();
        for (n, (name, client, amount)) in wants.into_iter().enumerate() {
            let (guest, told) = (room.guest(client), told.clone());
            askers.spawn(async move {
                let share = guest.take(amount).await.unwrap();
                told.send((name, share)).unwrap();
            });
            while locked(&room.book).queue.len() <= n {
                tokio::task::yield_now().await;
            }
        }
        let [mut large, small] = all;
        // Enough for the second, but the first was here before.
        drop(small);
        assert!(order.try_recv().is_err());
        let mut came = Vec::new();
        for (left, want) in [(5, "first"), (4, "second"), (3, "slow")] {
            large.shrink_to(left);
            let (name, share) = order.recv().await.unwrap();
            assert_eq!(name, want);
            came.push(share);
        }
        askers.join_all().await;
    }

    #[test]
    fn a_customers_network_is_one_address() {
        for (address, want) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            assert_eq!(
                counted(address.parse().unwrap()),
                want.parse::<IpAddr>().unwrap()
            );
        }
    }
}
