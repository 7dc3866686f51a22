//! The CPU time of requests as a picture: a bar for each server, on a logarithmic scale.

use std::fmt::Write as _;

const NAMES: f64 = 300.0;
const SCALE: f64 = 480.0;
const VALUES: f64 = 90.0;
const BAR: f64 = 11.0;
const GAP: f64 = 10.0;
const TOP: f64 = 56.0;
const COLOURS: [&str; 3] = ["#9aa5b1", "#3b5b7a", "#d08a2e"];
/// The powers of ten, in microseconds, at both ends of the scale.
const ENDS: (f64, f64) = (1.0, 6.0);

/// Rows of a name and a figure for each server, in microseconds.
pub fn draw(servers: &[String], rows: &[(&str, Vec<f64>)]) -> String {
    let row_height = BAR * servers.len() as f64 + GAP;
    let bottom = TOP + row_height * rows.len() as f64;
    let (width, height) = (NAMES + SCALE + VALUES, bottom + GAP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (at, (name, colour)) in servers.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let x = NAMES + 110.0 * at as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"8\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"18\">{name}</text>",
            x + 17.0
        );
    }
    for power in ENDS.0 as u32..=ENDS.1 as u32 {
        let micros = 10_u32.pow(power);
        let x = NAMES + length(f64::from(micros));
        let text = time(f64::from(micros));
        let _ = writeln!(
            svg,
            "<path d=\"M{x} {} V{bottom}\" stroke=\"#dde3e8\"/>\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{text}</text>",
            TOP - 6.0,
            TOP - 12.0
        );
    }
    for (at, (name, figures)) in rows.iter().enumerate() {
        let y = TOP + row_height * at as f64;
        let middle = y + BAR * servers.len() as f64 / 2.0 + 4.0;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{name}</text>",
            NAMES - 8.0
        );
        for ((bar, micros), colour) in figures.iter().enumerate().zip(COLOURS.iter().cycle()) {
            let (y, length) = (y + BAR * bar as f64, length(*micros));
            let _ = writeln!(
                svg,
                "<rect x=\"{NAMES}\" y=\"{y}\" width=\"{length:.1}\" height=\"{}\" fill=\"{colour}\"/>\
                 <text x=\"{:.1}\" y=\"{}\">{}</text>",
                BAR - 1.0,
                NAMES + length + 4.0,
                y + BAR - 2.0,
                time(*micros)
            );
        }
    }
    svg + "</svg>\n"
}

/// A time with two or three digits.
fn time(micros: f64) -> String {
    match micros {
        ..1e3 => format!("{micros:.0} µs"),
        ..1e4 => format!("{:.1} ms", micros / 1e3),
        ..1e6 => format!("{:.0} ms", micros / 1e3),
        _ => format!("{:.1} s", micros / 1e6),
    }
}

/// How long the bar of a time is.
fn length(micros: f64) -> f64 {
    let power = micros.max(1.0).log10().clamp(ENDS.0, ENDS.1);
    SCALE * (power - ENDS.0) / (ENDS.1 - ENDS.0)
}
