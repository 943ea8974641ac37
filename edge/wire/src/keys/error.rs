//! What is wrong with a key, and what to do: one sentence for each shape in which people had theirs.

use super::der::Algorithm;
use crate::pem;

/// Why a key cannot be used. None of them quotes the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is nothing in the file.
    #[error(
        "the file is empty; it should hold a key in PEM, `-----BEGIN PRIVATE KEY-----` or `-----BEGIN PUBLIC KEY-----`"
    )]
    Empty,
    /// There is no `-----BEGIN …-----` line, nor anything else that is known.
    #[error(
        "there is no PEM block; the file should hold `-----BEGIN PRIVATE KEY-----` or `-----BEGIN PUBLIC KEY-----`, and \
         under it the key"
    )]
    NotPem,
    /// There is a BEGIN line, but not as it should be.
    #[error(
        "the BEGIN line is not as it should be: five plain hyphens stand on either side, `-----BEGIN PRIVATE KEY-----`, \
         which word processors and copying change"
    )]
    Armour,
    /// The body of a PEM file alone.
    #[error(
        "the lines around the key are missing: put `-----BEGIN {0}-----` on a line above it and `-----END {0}-----` on a \
         line below it"
    )]
    NoBeginLine(&'static str),
    /// The lines say one thing, and what stands between them is another.
    #[error(
        "the BEGIN and END lines do not say what stands between them, which is `{holds}`: change both, to \
         `-----BEGIN {holds}-----` and `-----END {holds}-----`"
    )]
    Label {
        /// What the lines should say.
        holds: &'static str,
    },
    /// A PEM file in base64, so many times over.
    #[error(
        "this is base64 of a key file{}, as the `data` of a Kubernetes Secret holds it: decode it{}, `base64 -d FILE > NEW`",
        if *.times > 1 { ", more than once over" } else { "" },
        if *.times > 1 { " as often" } else { "" }
    )]
    Base64 {
        /// How often.
        times: u8,
    },
    /// A certificate.
    #[error(
        "this is a certificate, which holds no private key; the key pair of a flow is one of its own, which \
         `flowctl keys generate` makes (of a certificate, `openssl x509 -in FILE -noout -pubkey` prints the public key)"
    )]
    Certificate,
    /// A request for a certificate.
    #[error("this is a request for a certificate, which holds no private key; `flowctl keys generate` makes a pair")]
    Request,
    /// A private key in the form of OpenSSH.
    #[error(
        "this is a private key in the form of OpenSSH; where it is RSA of 2048 bits, `ssh-keygen -p -m PEM -f FILE` writes \
         it anew as PEM, and otherwise `flowctl keys generate` makes one"
    )]
    OpenSsh,
    /// A public key in the form of OpenSSH.
    #[error(
        "this is a public key in the form of OpenSSH; where it is RSA of 2048 bits, `ssh-keygen -e -m PKCS8 -f FILE` prints \
         it as PEM, and otherwise `flowctl keys generate` makes a pair"
    )]
    OpenSshPublic,
    /// A key in the form of PuTTY.
    #[error(
        "this is a key in the form of PuTTY; `puttygen FILE -O private-openssh -o NEW` and `ssh-keygen -p -m PEM -f NEW` make \
         PEM of it where it is RSA of 2048 bits, and otherwise `flowctl keys generate` makes one"
    )]
    PuTty,
    /// A JSON Web Key.
    #[error("this is a JSON Web Key; it should be PEM, and `flowctl keys generate` makes a pair in it")]
    Jwk,
    /// A PEM block of some other kind.
    #[error(
        "the PEM block is no key; the file should hold `-----BEGIN PRIVATE KEY-----` or `-----BEGIN PUBLIC KEY-----`, as \
         `flowctl keys generate` makes them"
    )]
    OtherPem,
    /// The PEM block has no END line that belongs to its BEGIN line.
    #[error(
        "the PEM block is broken: it has no END line that goes with its BEGIN line; was the file copied whole, from the one to the other?"
    )]
    NoEnd,
    /// What stands in the PEM block is not base64.
    #[error(
        "the PEM block is broken: what stands between its lines is not base64; was the file copied whole and unchanged?"
    )]
    BrokenPem,
    /// The private key is encrypted.
    #[error("the private key is encrypted and no passphrase is given")]
    PassphraseMissing,
    /// The passphrase does not decrypt the private key.
    #[error("the passphrase does not decrypt the private key")]
    PassphraseWrong,
    /// The private key is encrypted in a way that is not supported.
    #[error(
        "the private key is encrypted in a way that is not supported; PKCS#8 with PBES2 is, and PKCS#1 with DES-EDE3-CBC, \
         AES-128-CBC or AES-256-CBC; `openssl pkcs8 -topk8 -in KEY -out CONVERTED` converts it, with \
         `-provider legacy -provider default` where it says `unsupported`"
    )]
    UnsupportedEncryption,
    /// The file asks for more work or memory than any tool does.
    #[error(
        "the encryption of the private key asks for more than ten million rounds of PBKDF2 or 64 MiB of scrypt; \
         `openssl pkcs8 -topk8 -in KEY -out CONVERTED` converts it"
    )]
    DerivationCost,
    /// A public key stands where the private one belongs.
    #[error(
        "this is the public key; the private key is needed here, the other half of the pair, `-----BEGIN PRIVATE KEY-----`"
    )]
    PublicForPrivate,
    /// A private key stands where the public one belongs.
    #[error("this is the private key; the public key is needed here, and the private key should stay where it is")]
    PrivateForPublic,
    /// A key, but for another algorithm.
    #[error("this is {}; the platform encrypts for RSA of 2048 bits, and `flowctl keys generate` makes such a pair", .0.name())]
    Algorithm(Algorithm),
    /// The block's label promises a private key, but it does not hold an RSA one that is sound.
    #[error(
        "the PEM block does not hold a sound RSA private key: it is damaged, or something else under the wrong BEGIN line; \
         take the file again from where it was made"
    )]
    NotRsaPrivate,
    /// The block's label promises a public key, but it does not hold an RSA one that is sound.
    #[error(
        "there is no sound RSA public key in it: it is damaged, or something else under the wrong BEGIN line; \
         `flowctl keys show` prints the public half of a private key"
    )]
    NotRsaPublic,
    /// RSA of another size.
    #[error("the RSA key has {0} bits; the platform takes 2048 only, and `flowctl keys generate` makes such a pair")]
    Bits(u32),
    /// No key could be generated.
    #[error("no key could be generated: the operating system gave no random numbers")]
    Generate,
    /// Nothing could be encrypted.
    #[error("nothing could be encrypted: the operating system gave no random numbers")]
    Encrypt,
}

impl From<pem::Error> for Error {
    fn from(error: pem::Error) -> Self {
        match error {
            pem::Error::NoBlock => Self::NotPem,
            pem::Error::NoEnd => Self::NoEnd,
            pem::Error::Broken { .. } => Self::BrokenPem,
            pem::Error::UnknownCipher => Self::UnsupportedEncryption,
        }
    }
}
