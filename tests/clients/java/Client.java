import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.*;
import java.net.URI;
import java.net.http.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.CertificateFactory;
import java.security.spec.*;
import java.time.Duration;
import java.util.*;
import javax.crypto.*;
import javax.crypto.spec.*;
import javax.net.ssl.*;

/**
 * The messaging client of a WhatsApp Flow, on the JDK alone.
 *
 * <p>Seals, signs and sends every line of standard input, and prints a line for each answer. It refuses to know what is
 * in a message.
 */
public final class Client {
    private static final SecureRandom RANDOM = new SecureRandom();
    /** The platform gives up after as long. */
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    /** Spelled out because the JCE's OAEPWithSHA-256AndMGF1Padding leaves MGF1 at SHA-1. */
    private static final OAEPParameterSpec OAEP =
            new OAEPParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, PSource.PSpecified.DEFAULT);

    public static void main(String[] arguments) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i + 1 < arguments.length; i += 2) options.put(arguments[i], arguments[i + 1]);
        for (String name : new String[] {"--url", "--ca", "--public-key", "--app-secret-file"}) {
            if (!options.containsKey(name)) fail(name + " is missing");
        }
        URI url = URI.create(options.get("--url"));
        HttpClient http = HttpClient.newBuilder().sslContext(trusting(Path.of(options.get("--ca")))).build();
        PublicKey publicKey = publicKey(Path.of(options.get("--public-key")));
        String appSecret = Files.readString(Path.of(options.get("--app-secret-file"))).strip();

        // Latin-1 has a character for each byte, so messages pass as the bytes that they are.
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, ISO_8859_1));
        PrintStream out = new PrintStream(System.out, true, ISO_8859_1);
        for (String line; (line = in.readLine()) != null; ) {
            Session session = Session.fresh();
            byte[] body = session.seal(line.getBytes(ISO_8859_1), publicKey);
            var request = HttpRequest.newBuilder(url)
                    .timeout(TIMEOUT)
                    .header("Content-Type", "application/json")
                    .header("X-Hub-Signature-256", sign(body, appSecret))
                    .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                    .build();
            var answer = http.send(request, HttpResponse.BodyHandlers.ofByteArray());
            int status = answer.statusCode();
            String opened = "-";
            if (status == 200 || (status == 427 && answer.body().length > 0)) {
                try {
                    opened = new String(session.open(answer.body()), ISO_8859_1);
                } catch (GeneralSecurityException | IllegalArgumentException | ProviderException error) {
                    // The last one is how JDK 17 refuses a body that is shorter than a tag.
                    fail("the answer of status " + status + " does not open: " + error.getMessage());
                }
            }
            String contentType = answer.headers().firstValue("Content-Type").orElse("-");
            // In JSON a line break stands only between tokens, where a space does as well.
            out.println(status + "\t" + contentType + "\t" + opened.replace('\r', ' ').replace('\n', ' '));
        }
    }

    /** The key and the initial vector of one request, which also open its answer. */
    private record Session(SecretKeySpec key, byte[] initialVector) {
        static Session fresh() {
            byte[] key = new byte[16];
            byte[] initialVector = new byte[16];
            RANDOM.nextBytes(key);
            RANDOM.nextBytes(initialVector);
            return new Session(new SecretKeySpec(key, "AES"), initialVector);
        }

        /** The body of the request. */
        byte[] seal(byte[] message, PublicKey publicKey) throws GeneralSecurityException {
            Cipher rsa = Cipher.getInstance("RSA/ECB/OAEPPadding");
            rsa.init(Cipher.ENCRYPT_MODE, publicKey, OAEP);
            Base64.Encoder base64 = Base64.getEncoder();
            String json = """
                    {"encrypted_flow_data":"%s","encrypted_aes_key":"%s","initial_vector":"%s"}""".formatted(
                    base64.encodeToString(aes(Cipher.ENCRYPT_MODE, initialVector).doFinal(message)),
                    base64.encodeToString(rsa.doFinal(key.getEncoded())),
                    base64.encodeToString(initialVector));
            // As PHP escapes slashes; the signature is over the body as sent, so with the escapes.
            return json.replace("/", "\\/").getBytes(UTF_8);
        }

        /** The plaintext of a sealed answer; its tag is the last 16 bytes, as the JCE wants it. */
        byte[] open(byte[] body) throws GeneralSecurityException {
            byte[] inverted = initialVector.clone();
            for (int i = 0; i < inverted.length; i++) inverted[i] = (byte) ~inverted[i];
            return aes(Cipher.DECRYPT_MODE, inverted).doFinal(Base64.getDecoder().decode(body));
        }

        private Cipher aes(int mode, byte[] initialVector) throws GeneralSecurityException {
            Cipher aes = Cipher.getInstance("AES/GCM/NoPadding");
            aes.init(mode, key, new GCMParameterSpec(128, initialVector));
            return aes;
        }
    }

    /** The value of {@code X-Hub-Signature-256}. */
    private static String sign(byte[] body, String appSecret) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(appSecret.getBytes(UTF_8), "HmacSHA256"));
        return "sha256=" + HexFormat.of().formatHex(mac.doFinal(body));
    }

    /** TLS that trusts the certificates of a PEM file and no others. */
    private static SSLContext trusting(Path pem) throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (var in = Files.newInputStream(pem)) {
            for (var certificate : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
                store.setCertificateEntry("ca-" + store.size(), certificate);
            }
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(null, trust.getTrustManagers(), null);
        return tls;
    }

    private static PublicKey publicKey(Path pem) throws GeneralSecurityException, IOException {
        String base64 = Files.readString(pem).replaceAll("-----[A-Z ]+-----|\\s", "");
        return KeyFactory.getInstance("RSA").generatePublic(new X509EncodedKeySpec(Base64.getDecoder().decode(base64)));
    }

    private static void fail(String message) {
        System.err.println(message);
        System.exit(1);
    }
}
