//! Log in to Vault or OpenBao and print the token.
