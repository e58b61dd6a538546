//! Whether the dates of a credential can be. A service, or what answers in its place, decides with them which
//! credential is the newest, when it is due and what is revoked; dates that cannot be decide nothing.

use super::observe::{Known, Standing};
use crate::credential::Listed;
use crate::model::{Code, Error, Step, Timestamp};

/// The beginning of 2015, in milliseconds since 1970: no service that lakekey knows had credentials before.
const EARLIEST: i64 = 1_420_070_400_000;

/// How far a creation may be ahead of the service's own clock, in milliseconds: a day.
const AHEAD: i64 = 86_400_000;

/// The longest life of what lakekey has made, in milliseconds: ten years, more than any service takes.
const LONGEST: i64 = 10 * 366 * 86_400_000;

/// Says what cannot be about a credential that lakekey has made; `now` is by the service's clock.
fn flaw(created: Timestamp, expires: Option<Timestamp>, now: Timestamp) -> Option<&'static str> {
    if created.as_millisecond() < EARLIEST {
        return Some("was made before there were any");
    }
    if created.since(now) > AHEAD {
        return Some("will be made in the future");
    }
    let lives = expires.map(|end| end.since(created))?;
    match lives {
        ..=0 => Some("ended before it was made"),
        lives if lives > LONGEST => Some("lives longer than any service allows"),
        _ => None,
    }
}

/// Refuses a list that gives a credential of this target dates that cannot be. What somebody else has made is
/// theirs, its dates too.
///
/// # Errors
/// `reply-invalid`; nothing is decided from such a list.
pub(super) fn credible(known: &[Known], now: Timestamp) -> Result<(), Error> {
    let mut own =
        known.iter().filter(|known| known.standing != Standing::Adopted && known.operation.is_some());
    own.try_for_each(|known| dated(&known.id, known.created, known.expires, now, Step::ListTokens))
}

/// Refuses the answer to a creation whose dates cannot be.
///
/// # Errors
/// `reply-invalid`, uncertain: something was made.
pub(super) fn credible_new(fresh: &Listed, now: Timestamp) -> Result<(), Error> {
    dated(&fresh.id, fresh.created, fresh.expires, now, Step::CreateToken)
        .map_err(|error| error.with_uncertainty(true))
}

fn dated(
    id: &str,
    created: Timestamp,
    expires: Option<Timestamp>,
    now: Timestamp,
    step: Step,
) -> Result<(), Error> {
    let Some(flaw) = flaw(created, expires, now) else { return Ok(()) };
    let end = expires.map_or_else(|| "never".to_owned(), |end| end.to_string());
    let words = format!(
        "the service says that {id} was made {created} and ends {end}: it {flaw}, so that nothing was decided"
    );
    Err(Error::new(Code::ReplyInvalid, step, words))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    fn said(created: i64, expires: Option<i64>) -> Option<&'static str> {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        flaw(at(created), expires.map(at), at(1_800_000_000_000))
    }

    #[test]
    fn dates_that_cannot_be_are_named() {
        let now = 1_800_000_000_000;
        assert_eq!(said(now - DAY, Some(now + 90 * DAY)), None);
        assert_eq!(said(now + DAY / 2, None), None, "clocks differ");
        for created in [0, -1, 1, 1_000] {
            assert_eq!(said(created, Some(now)), Some("was made before there were any"));
        }
        assert_eq!(said(now + 2 * DAY, Some(now + 90 * DAY)), Some("will be made in the future"));
        assert_eq!(said(now, Some(now)), Some("ended before it was made"));
        assert_eq!(said(now, Some(0)), Some("ended before it was made"));
        let in_6218 = 134_061_000_000_000;
        assert_eq!(said(now, Some(in_6218)), Some("lives longer than any service allows"));
        assert_eq!(said(in_6218, None), Some("will be made in the future"));
    }
}
