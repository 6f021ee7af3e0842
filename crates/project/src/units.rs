//! Lengths of time and sizes of memory, as people write them.

use strongroom_model::Lifetime;

/// Milliseconds of `30s`, `1m30s` or `500ms`.
pub fn time_ms(text: &str) -> Result<u64, String> {
    let wrong =
        || "a length of time is a number with ms, s, m, h or d, such as \"30s\", \"1m30s\" or \"500ms\"".to_owned();
    if let Some(number) = text.strip_suffix("ms") {
        return whole(number).ok_or_else(wrong);
    }
    let lifetime: Lifetime = text.parse().map_err(|_| wrong())?;
    u64::try_from(lifetime.duration().as_millis()).map_err(|_| wrong())
}

/// Bytes of `256MB` or `1GB`; a megabyte is 1024 × 1024 bytes, as for `256MiB`.
pub fn memory_bytes(text: &str) -> Result<u64, String> {
    let wrong = || "memory is a whole number with MB or GB, such as \"256MB\"".to_owned();
    let units = [("GiB", 30), ("GB", 30), ("MiB", 20), ("MB", 20)];
    let (number, shift) =
        units.into_iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift))).ok_or_else(wrong)?;
    whole(number.trim_end()).and_then(|number| number.checked_mul(1_u64 << shift)).ok_or_else(wrong)
}

fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Milliseconds in the largest unit that keeps them whole.
pub(crate) fn time(ms: u64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let found = units.into_iter().find(|(length, _)| ms >= *length && ms.is_multiple_of(*length));
    found.map_or_else(|| format!("{ms}ms"), |(length, unit)| format!("{}{unit}", ms / length))
}

/// Bytes as megabytes or gigabytes.
pub(crate) fn memory(bytes: u64) -> String {
    match bytes >> 30 {
        0 => format!("{}MB", bytes >> 20),
        gigabytes => format!("{gigabytes}GB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_memory_have_units() {
        assert_eq!(time_ms("30s"), Ok(30_000));
        assert_eq!(time_ms("1m30s"), Ok(90_000));
        assert_eq!(time_ms("500ms"), Ok(500));
        assert_eq!(memory_bytes("256MB"), Ok(256 << 20));
        assert_eq!(memory_bytes("1GB"), Ok(1 << 30));
        for text in ["", "30", "1.5s", "-1s", "+1ms", "256", "1TB", "MB", "99999999999999999999GB"] {
            assert!(time_ms(text).is_err() && memory_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bounds_are_said_as_people_write_them() {
        assert_eq!([time(1), time(1_500), time(90_000), time(86_400_000)], ["1ms", "1500ms", "90s", "1d"]);
        assert_eq!([memory(32 << 20), memory(16 << 30)], ["32MB", "16GB"]);
    }
}
