//! The figures as a page of their own: it needs nothing from elsewhere and suits light and dark screens.

use std::{error::Error, fmt::Write};

use crate::{charts, figures::Figures, text};

const STYLE: &str = include_str!("page.css");

/// The whole page.
pub(crate) fn page(figures: &Figures) -> Result<String, Box<dyn Error>> {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Load test: {job}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>Load test of the pool</h1>\n",
        job = escaped(&figures.conditions.job),
    );
    let rows = text::rows(figures);
    let mut rows = rows.iter();
    if let Some((_, run)) = rows.next() {
        writeln!(page, "<p>{}</p>", escaped(run))?;
    }
    page.push_str("<table>\n");
    for (name, value) in rows {
        writeln!(
            page,
            "<tr><th scope=\"row\">{name}</th><td>{}</td></tr>",
            escaped(value)
        )?;
    }
    page.push_str("</table>\n");
    section(
        &mut page,
        "Latency",
        latency_note(figures),
        &charts::latency(figures)?,
    )?;
    section(
        &mut page,
        "Throughput",
        "Jobs that ended, counted twenty times a second.",
        &charts::throughput(figures)?,
    )?;
    page.push_str("</body>\n</html>\n");
    Ok(page)
}

fn section(page: &mut String, title: &str, note: &str, chart: &str) -> std::fmt::Result {
    writeln!(page, "<h2>{title}</h2>\n<p>{note}</p>\n{chart}")
}

fn latency_note(figures: &Figures) -> &'static str {
    if figures.conditions.rate_per_s.is_some() {
        "From the instant at which a job was due until the caller had its output."
    } else {
        "From handing a job in until the caller had its output."
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
