//! Numbers with units, formatted for people.

/// Formats a share as a percentage of three significant digits: "25.6%". Below 0.1% it has two.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let text = match percent {
        p if p >= 9.95 => format!("{p:.1}"),
        p if p >= 0.995 => format!("{p:.2}"),
        p if p >= 0.0995 || p <= 0.0 || p.is_nan() => format!("{p:.3}"),
        // The logarithm is below -1.
        p => format!("{p:.*}", (1.0 - p.log10().floor()) as usize),
    };
    format!("{}%", without_zeros(&text))
}

/// Formats a share as a percentage of three decimals, for columns: "25.630%".
pub fn percent_column(share: f64) -> String {
    match share.is_finite() {
        true => format!("{:.3}%", share * 100.0),
        false => "not finite".to_string(),
    }
}

/// Formats a share as a percentage for a narrow place: one that is nearly nothing has no digits of its own.
pub fn short_percent(share: f64) -> String {
    if share > 0.0 && share < 1e-5 { "<0.001%".to_string() } else { percent(share) }
}

/// Formats a difference of sizes in units of 1024 bytes, with its sign: "+13 KB". Below ten it has one decimal; what rounds to
/// nothing is "+0.0 KB".
pub fn kilobytes(bytes: i64) -> String {
    let kilo = bytes as f64 / 1024.0;
    let kilo = if kilo.abs() < 0.05 { 0.0 } else { kilo };
    if kilo.abs() < 9.95 { format!("{kilo:+.1} KB") } else { format!("{kilo:+.0} KB") }
}

/// Formats a difference of microseconds in milliseconds, with its sign: "+2.1 ms". Below one it has two decimals; what rounds to
/// nothing is "+0.00 ms".
pub fn milliseconds(microseconds: f64) -> String {
    let ms = microseconds / 1000.0;
    let ms = if ms.abs() < 0.005 { 0.0 } else { ms };
    if ms.abs() < 0.995 {
        format!("{ms:+.2} ms")
    } else if ms.abs() < 9.95 {
        format!("{ms:+.1} ms")
    } else {
        format!("{ms:+.0} ms")
    }
}

/// Formats a size in the largest unit of 1024 that fits: "300 B", "4.5 KiB", "1.17 MiB".
pub fn size(bytes: usize) -> String {
    let bytes = bytes as f64;
    match () {
        () if bytes < 1024.0 => format!("{bytes} B"),
        () if bytes < 1024.0 * 1024.0 => format!("{:.1} KiB", bytes / 1024.0),
        () => format!("{:.2} MiB", bytes / 1024.0 / 1024.0),
    }
}

/// Formats a number with `digits` significant digits and without trailing zeros: "3.9688". Very small and very large
/// numbers have an exponent.
pub fn number(value: f64, digits: i32) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e7).contains(&size) {
        return format!("{value:.*e}", (digits - 1).max(0) as usize);
    }
    let whole = if size == 0.0 { 0 } else { size.log10().floor() as i32 };
    // Neither is negative.
    let places = (digits - 1 - whole).clamp(0, 4 + digits) as usize;
    without_zeros(&format!("{value:.places$}")).to_string()
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// Formats a count with its noun: "1 layer", "3 layers".
pub fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// Lists the first `shown` names and the number of the others: "a, b and 3 more".
pub fn and_more<T: AsRef<str>>(names: &[T], shown: usize) -> String {
    let first: Vec<&str> = names.iter().take(shown).map(AsRef::as_ref).collect();
    match names.len() - first.len() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_have_three_significant_digits() {
        let shown: Vec<String> = [0.2563, 0.1, 0.0912, 0.01, 0.004, 0.00012, 0.000001, 0.0].map(percent).into();
        assert_eq!(shown, ["25.6%", "10%", "9.12%", "1%", "0.4%", "0.012%", "0.0001%", "0%"]);
        assert_eq!([percent(f64::NAN), percent_column(f64::NAN)], ["NaN%", "not finite"]);
        assert_eq!(percent_column(0.2563), "25.630%");
    }

    #[test]
    fn sizes_are_in_units_of_1024() {
        assert_eq!([300, 13_400, -13_400, -1].map(kilobytes), ["+0.3 KB", "+13 KB", "-13 KB", "+0.0 KB"]);
        assert_eq!([300, 4608, 1_226_834].map(size), ["300 B", "4.5 KiB", "1.17 MiB"]);
        assert_eq!([12.0, 2_130.0, -13_000.0].map(milliseconds), ["+0.01 ms", "+2.1 ms", "-13 ms"]);
    }

    #[test]
    fn numbers_have_the_requested_number_of_digits() {
        let shown = [3.96875, -4.0, 1.99993896484375, 16383.999999970198, -0.0078125, 0.0].map(|v| number(v, 5));
        assert_eq!(shown, ["3.9688", "-4", "1.9999", "16384", "-0.0078125", "0"]);
        assert_eq!([9.5367e-7, 3.4e38].map(|v| number(v, 4)), ["9.537e-7", "3.400e38"]);
    }

    #[test]
    fn counts_and_lists_contain_the_number() {
        assert_eq!([count(1, "layer"), count(0, "layer"), count(3, "layer")], ["1 layer", "0 layers", "3 layers"]);
        assert_eq!(and_more(&["a", "b", "c"], 1), "a and 2 more");
        assert_eq!(and_more(&["a", "b"], 2), "a, b");
        assert_eq!(and_more::<&str>(&[], 1), "");
    }
}
