//! The plots of a page, as SVG.
//!
//! The colours are names rather than colours: the page's style sheet replaces each by what suits a light or a dark
//! screen. As they stand they suit a light one.

use std::error::Error;

use plotters::{
    chart::MeshStyle,
    coord::ranged1d::Ranged,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{figures::Figures, text};

/// Lines and letters.
const INK: RGBColor = RGBColor(0x44, 0x44, 0x44);
/// The grid.
const FAINT: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);
/// What is shown.
const SERIES: RGBColor = RGBColor(0x25, 0x63, 0xeb);
/// What is pointed out.
const MARK: RGBColor = RGBColor(0xd9, 0x77, 0x06);

const SIZE: (u32, u32) = (900, 340);
const LETTERS: (&str, u32) = ("sans-serif", 15);

/// How many jobs took how long, on a logarithmic axis.
pub(crate) fn latency(figures: &Figures) -> Result<String, Box<dyn Error>> {
    let bars = bars(&figures.distribution);
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
        return Ok(String::new());
    };
    let (from, to) = (first.from, last.to);
    let highest = bars.iter().map(|bar| bar.jobs).max().unwrap_or(1) as f64;
    draw(|area| {
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .margin_right(24)
            .x_label_area_size(46)
            .y_label_area_size(78)
            .build_cartesian_2d((from..to).log_scale(), 0.0..highest * 1.12)?;
        plain(&mut chart.configure_mesh())
            .x_desc("latency of a job (logarithmic)")
            .y_desc("jobs")
            .x_labels(8)
            .x_label_formatter(&|micros| text::time(*micros))
            .y_label_formatter(&|jobs| count(*jobs))
            .draw()?;
        chart.draw_series(
            bars.iter()
                .map(|bar| Rectangle::new([(bar.from, 0.0), (bar.to, bar.jobs as f64)], SERIES.filled())),
        )?;
        let latency = &figures.latency_us;
        let quantiles = [
            ("p50", latency.p50),
            ("p90", latency.p90),
            ("p99", latency.p99),
            ("p99.9", latency.p99_9),
        ];
        for (step, (name, micros)) in (0_i32..).zip(quantiles) {
            let at = micros.clamp(from, to);
            let line = [(at, 0.0), (at, highest * 1.12)];
            chart.draw_series(LineSeries::new(line, MARK))?;
            chart.draw_series([quantile_name(step, name, micros, (from, to), highest)])?;
        }
        Ok(())
    })
}

/// The name of a quantile beside its line, on the side where there is more room. Quantiles may be close to each other:
/// each name stands a little lower than the one before.
fn quantile_name(
    step: i32,
    name: &str,
    micros: f64,
    (from, to): (f64, f64),
    highest: f64,
) -> Text<'static, (f64, f64), String> {
    let is_right = micros > (from * to).sqrt();
    let side = if is_right { HPos::Right } else { HPos::Left };
    let style = LETTERS.into_font().color(&MARK).pos(Pos::new(side, VPos::Top));
    let height = highest * (1.1 - 0.07 * f64::from(step));
    let name = format!("{name} {}", text::time(micros));
    // A space that would keep the name off its line is lost in SVG.
    let beside = if is_right { 0.995 } else { 1.005 };
    let at = micros.clamp(from, to) * (to / from).powf((beside - 1.0) * 1.2);
    Text::new(name, (at, height), style)
}

/// Jobs per second over the time of the run.
pub(crate) fn throughput(figures: &Figures) -> Result<String, Box<dyn Error>> {
    let points = smoothed(&figures.throughput);
    let highest = points.iter().map(|(_, jobs)| *jobs).fold(1.0, f64::max);
    draw(|area| {
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .margin_right(24)
            .x_label_area_size(46)
            .y_label_area_size(78)
            .build_cartesian_2d(0.0..figures.seconds, 0.0..highest * 1.1)?;
        plain(&mut chart.configure_mesh())
            .x_desc("time since the first job (s)")
            .y_desc("jobs per second")
            .x_labels(10)
            .y_label_formatter(&|jobs| count(*jobs))
            .draw()?;
        chart.draw_series(LineSeries::new(points, SERIES.stroke_width(2)))?;
        Ok(())
    })
}

/// Axes and grid in the page's colours, with lines across only.
fn plain<'m, 'a, 'b, X: Ranged, Y: Ranged, D: DrawingBackend>(
    mesh: &'m mut MeshStyle<'a, 'b, X, Y, D>,
) -> &'m mut MeshStyle<'a, 'b, X, Y, D> {
    mesh.disable_x_mesh()
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style(LETTERS.into_font().color(&INK))
}

fn draw(
    paint: impl FnOnce(&DrawingArea<SVGBackend<'_>, plotters::coord::Shift>) -> Result<(), Box<dyn Error>>,
) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        paint(&area)?;
        area.present()?;
    }
    Ok(svg)
}

/// A step of the distribution.
struct Bar {
    from: f64,
    to: f64,
    jobs: u64,
}

fn bars(distribution: &[(f64, u64)]) -> Vec<Bar> {
    let step = match distribution {
        [(first, _), (second, _), ..] => second / first,
        _ => 1.122,
    };
    let bar = |&(to, jobs): &(f64, u64)| Bar {
        from: to / step,
        to,
        jobs,
    };
    distribution.iter().map(bar).collect()
}

/// A run of some seconds shows each sample; a longer one averages as many as make some hundred points.
fn smoothed(samples: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let together = samples.len().div_ceil(300).max(1);
    let average = |part: &[(f64, f64)]| {
        let (seconds, jobs) = part
            .iter()
            .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        (seconds / part.len() as f64, jobs / part.len() as f64)
    };
    samples.chunks(together).map(average).collect()
}

/// A count with the unit that suits it.
fn count(number: f64) -> String {
    match number {
        ..1e3 => format!("{number:.0}"),
        1e3..1e6 => {
            format!("{:.3}", number / 1e3)
                .trim_end_matches('0')
                .trim_end_matches('.')
                .to_owned()
                + " k"
        }
        _ => {
            format!("{:.3}", number / 1e6)
                .trim_end_matches('0')
                .trim_end_matches('.')
                .to_owned()
                + " M"
        }
    }
}
