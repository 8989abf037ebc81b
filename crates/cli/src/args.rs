//! The options that several programs share, each spelled in one place.

/// Declares a program's argument struct and adds the options that it shares with others.
///
/// ```text
/// snapline_cli::args! {
///     /// Does this and that.
///     #[argh(example = "{command_name} --own x")]
///     pub struct Args with (snapline_vault) {
///         /// what it is [default: y]
///         #[argh(option)]
///         pub own: Option<String>,
///     }
/// }
/// ```
///
/// `with` names the libraries whose options the program has. Each library declares its own in a macro `options!`, which gets
/// the fields and methods so far, adds its own, and passes all of that on to `args!(@groups …)`; the method that it adds returns
/// the options as typed in the form that the library takes. Every struct gets `--quiet`, `--verbose`, `--log-format`,
/// `--version` and `-h`. argh cannot flatten one struct into another, hence macros.
#[macro_export]
macro_rules! args {
    ($(#[$meta:meta])* pub struct $name:ident with ($($group:ident)*) { $($fields:tt)* }) => {
        $crate::args!(@groups ($($group)*) [$(#[$meta])*] $name { $($fields)* } {});
    };

    (@groups ($library:ident $($group:ident)*) [$($meta:tt)*] $name:ident { $($fields:tt)* } { $($methods:tt)* }) => {
        $library::options! { ($($group)*) [$($meta)*] $name { $($fields)* } { $($methods)* } }
    };

    (@groups () [$($meta:tt)*] $name:ident { $($fields:tt)* } { $($methods:tt)* }) => {
        #[derive(Debug, $crate::macros::argh::FromArgs, $crate::macros::argh::ArgsInfo)]
        #[argh(help_triggers("-h", "--help"))]
        $($meta)*
        pub struct $name {
            $($fields)*
            /// say nothing but errors, and what makes a connection unsafe
            #[argh(switch, short = 'q')]
            pub quiet: bool,
            /// say more; repeat it for more still
            #[argh(switch, short = 'v')]
            pub verbose: u8,
            /// form of the messages, text or json [env: SNAPLINE_LOG_FORMAT; default: text]
            #[argh(option, arg_name = "form")]
            pub log_format: Option<$crate::LogFormat>,
            /// print the version
            // Found before argh is asked; declared so that the help text lists it.
            #[argh(switch)]
            #[allow(dead_code)]
            pub version: bool,
        }

        impl $name {
            $($methods)*
        }

        impl $crate::Runnable for $name {
            fn common(&self) -> $crate::Common {
                $crate::Common { quiet: self.quiet, verbosity: self.verbose, log_format: self.log_format }
            }
        }
    };
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macro declares what programs export")]
mod tests {
    use argh::FromArgs as _;

    crate::args! {
        /// Does this and that.
        pub struct Args with () {
            /// what it is
            #[argh(option)]
            pub own: Option<String>,
        }
    }

    #[test]
    fn shared_options_are_read_beside_a_programs_own() {
        let args = Args::from_args(&["x"], &["--own", "a", "-v", "-v"]).unwrap();
        assert_eq!(args.own.as_deref(), Some("a"));
        assert_eq!(crate::Runnable::common(&args).verbosity, 2);
    }

    #[test]
    fn help_lists_shared_options_with_their_variables() {
        let help = Args::from_args(&["x"], &["--help"]).unwrap_err().output;
        for part in ["--quiet", "--log-format", "--version", "SNAPLINE_LOG_FORMAT"] {
            assert!(help.contains(part), "{part} is missing in {help}");
        }
    }
}
