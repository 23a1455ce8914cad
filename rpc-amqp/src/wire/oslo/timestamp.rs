//! Times as Python prints them: UTC without saying so, with a space between date and time.

const MILLISECONDS_A_DAY: u64 = 86_400_000;
/// 9999-12-31 23:59:59.999, the last moment that Python has.
const LAST: u64 = 253_402_300_799_999;

/// `2026-05-13 12:53:00.123000`; the fraction is left out when there is none.
pub(super) fn written(milliseconds: u64) -> String {
    let milliseconds = milliseconds.min(LAST);
    let (year, month, day) = date(milliseconds / MILLISECONDS_A_DAY);
    let time = milliseconds % MILLISECONDS_A_DAY;
    let (hour, minute, second, fraction) =
        (time / 3_600_000, time / 60_000 % 60, time / 1_000 % 60, time % 1_000);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:03}000") };
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction}")
}

/// Milliseconds since 1970; also of a time with a `T` in it, and with `Z` or `+00:00` behind. `None` for anything else.
pub(super) fn read(text: &str) -> Option<u64> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00")).unwrap_or(text);
    let (date, time) = text.split_once([' ', 'T'])?;
    let [year, month, day] = numbers(date, '-')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let [hour, minute, second] = numbers(time, ':')?;
    let is_time = hour < 24 && minute < 60 && second < 60;
    let days = days(year, month, day).filter(|_| is_time)?;
    let milliseconds = number(format!("{fraction:0<3}").get(..3)?)?;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000 + milliseconds)
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let numbers: Vec<_> = text.split(separator).map(number).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

fn number(digits: &str) -> Option<u64> {
    let is_plain = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| digits.parse().ok()).flatten()
}

/// The date so many days after 1970-01-01.
fn date(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1_970;
    while days >= days_of_year(year) {
        days -= days_of_year(year);
        year += 1;
    }
    let mut month = 1;
    while days >= days_of_month(year, month) {
        days -= days_of_month(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

/// How many days after 1970-01-01 it is; `None` for a date that there is not, or that is earlier.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let is_date =
        year >= 1_970 && (1..=12).contains(&month) && (1..=days_of_month(year, month)).contains(&day);
    let years: u64 = (1_970..year).map(days_of_year).sum();
    let months: u64 = (1..month).map(|month| days_of_month(year, month)).sum();
    is_date.then(|| years + months + day - 1)
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_of_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

const fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dv_36_times_are_written_as_python_does() {
        for (milliseconds, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_825_599_999, "2000-02-29 11:59:59.999000"),
            (1_778_676_780_123, "2026-05-13 12:53:00.123000"),
            (u64::MAX, "9999-12-31 23:59:59.999000"),
        ] {
            assert_eq!(written(milliseconds), text);
        }
        assert_eq!(read("2026-05-13 12:53:00.123456"), Some(1_778_676_780_123));
        assert_eq!(read("2026-05-13T12:53:00.1Z"), Some(1_778_676_780_100));
        assert_eq!(read("2026-05-13T12:53:00+00:00"), Some(1_778_676_780_000));
        for text in [
            "",
            "now",
            "2026-13-01 00:00:00",
            "2025-02-29 00:00:00",
            "1969-12-31 23:59:59",
            "2026-05-13 24:00:00",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(milliseconds in 0_u64..=LAST) {
            prop_assert_eq!(read(&written(milliseconds)), Some(milliseconds));
        }

        #[test]
        fn no_text_panics(text in "[0-9:. T+Z-]{0,40}|\\PC{0,20}") {
            let _ = read(&text);
        }
    }
}
