//! `espq lint` under the name that commit hooks use.

fn main() -> std::process::ExitCode {
    espq::cli::lint_main()
}
