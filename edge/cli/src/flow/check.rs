//! `flowctl flow check`: every finding with its line, its place marked, and what would be right.

use std::fs::File;
use std::io::Read as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use flow_json::{Code, Severity};

use super::report::{self, Source};

/// What is larger is a finding; so much is read to see that.
const MAX_READ: u64 = 11_000_000;

#[derive(Debug, Args)]
#[command(after_help = "\
An error is what the platform refuses at upload; a warning is what it takes and a phone does not show, or what breaks later. The
exit code is 1 where there is an error, with --strict also where there is a warning. Codes in capitals are the platform's own.")]
#[command(group(ArgGroup::new("what").required(true).args(["files", "explain"])))]
#[command(group(ArgGroup::new("form").args(["json", "sarif"])))]
pub(crate) struct Arguments {
    /// Flow JSON files; `-` reads standard input.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print JSON: for each file the platform's own `validation_errors`.
    #[arg(long)]
    json: bool,
    /// Print SARIF, which code hosts show beside the lines.
    #[arg(long)]
    sarif: bool,
    /// Let warnings count as errors do.
    #[arg(long)]
    strict: bool,
    /// Print the page of a code: what the rule is, why, and examples.
    #[arg(long, value_name = "CODE", conflicts_with_all = ["json", "sarif", "strict"])]
    explain: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}: {source}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("{}: not UTF-8, which JSON must be", file.display())]
    NotUtf8 { file: PathBuf },
    #[error("there is no code `{code}`{}", nearest.map(|it| format!("; did you mean `{it}`?")).unwrap_or_default())]
    NoSuchCode { code: String, nearest: Option<Code> },
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    if let Some(code) = &arguments.explain {
        let page = flow_json::explain(code).ok_or_else(|| no_such_code(code))?;
        io::stdout().write_all(page.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let files: Vec<Source> = arguments.files.iter().map(|file| read(file)).collect::<Result<_, _>>()?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    if arguments.json {
        report::json(&files, &mut out)?;
    } else if arguments.sarif {
        report::sarif(&files, &mut out)?;
    } else {
        report::text(&files, &mut out)?;
    }
    out.flush()?;
    let counts = |finding: &flow_json::Finding| arguments.strict || finding.severity == Severity::Error;
    let is_good = !files.iter().flat_map(|file| &file.checked.findings).any(counts);
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(file: &Path) -> Result<Source, Error> {
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        io::stdin().take(MAX_READ).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|open| open.take(MAX_READ).read_to_end(&mut bytes))
    };
    read.map_err(|source| Error::Read { file: file.to_owned(), source })?;
    // A character that is cut in two at the end of what was read is no fault of the file.
    if bytes.len() as u64 == MAX_READ {
        bytes.truncate(bytes.iter().rposition(|byte| byte.is_ascii()).map_or(0, |last| last + 1));
    }
    let text = String::from_utf8(bytes).map_err(|_| Error::NotUtf8 { file: file.to_owned() })?;
    Ok(Source { name: file.display().to_string(), checked: flow_json::check(&text), text })
}

fn no_such_code(code: &str) -> Error {
    let similarity =
        |known: &Code| (strsim::jaro_winkler(&known.as_str().to_lowercase(), &code.to_lowercase()) * 1000.0) as u32;
    let nearest = Code::ALL.iter().copied().max_by_key(similarity).filter(|nearest| similarity(nearest) > 750);
    Error::NoSuchCode { code: code.to_owned(), nearest }
}
