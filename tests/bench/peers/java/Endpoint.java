import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.*;
import java.security.*;
import java.security.spec.*;
import java.util.*;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.*;

/**
 * A plain endpoint on the JDK alone, as the platform's guide describes one: its sample, and what its text asks for beside it. No
 * TLS.
 *
 * <p>usage: java Endpoint.java PRIVATE-KEY APP-SECRET ANSWER [PORT]
 */
public final class Endpoint {
    /** Spelled out because the JCE's OAEPWithSHA-256AndMGF1Padding leaves MGF1 at SHA-1. */
    private static final OAEPParameterSpec OAEP =
            new OAEPParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, PSource.PSpecified.DEFAULT);

    private final PrivateKey privateKey;
    private final SecretKeySpec appSecret;
    private final String answer;

    private Endpoint(PrivateKey privateKey, SecretKeySpec appSecret, String answer) {
        this.privateKey = privateKey;
        this.appSecret = appSecret;
        this.answer = answer;
    }

    public static void main(String[] arguments) throws Exception {
        String pem = Files.readString(Path.of(arguments[0])).replaceAll("-----[A-Z ]+-----", "");
        byte[] der = Base64.getMimeDecoder().decode(pem);
        var endpoint = new Endpoint(
                KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(der)),
                new SecretKeySpec(Files.readString(Path.of(arguments[1])).strip().getBytes(UTF_8), "HmacSHA256"),
                Files.readString(Path.of(arguments[2])).strip());
        int port = arguments.length > 3 ? Integer.parseInt(arguments[3]) : 0;
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/flow", endpoint::handle);
        server.start();
        System.err.println("{\"message\":\"listening\",\"address\":\"127.0.0.1:" + server.getAddress().getPort() + "\"}");
    }

    private static final class StatusException extends Exception {
        final int status;

        StatusException(int status) {
            this.status = status;
        }
    }

    private void handle(HttpExchange exchange) throws IOException {
        int status = 200;
        byte[] response = {};
        try {
            byte[] body = exchange.getRequestBody().readAllBytes();
            checkSignature(body, exchange.getRequestHeaders().getFirst("X-Hub-Signature-256"));
            response = respond(new Json(new String(body, UTF_8)).object());
        } catch (StatusException error) {
            status = error.status;
        } catch (Exception error) {
            status = 500;
        }
        exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=UTF-8");
        exchange.sendResponseHeaders(status, response.length == 0 ? -1 : response.length);
        exchange.getResponseBody().write(response);
        exchange.close();
    }

    private void checkSignature(byte[] body, String header) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(appSecret);
        String expected = "sha256=" + HexFormat.of().formatHex(mac.doFinal(body));
        if (header == null || !MessageDigest.isEqual(expected.getBytes(UTF_8), header.getBytes(UTF_8))) {
            throw new StatusException(432);
        }
    }

    private byte[] respond(Map<String, Object> envelope) throws Exception {
        byte[] data = Base64.getDecoder().decode((String) envelope.get("encrypted_flow_data"));
        byte[] encryptedKey = Base64.getDecoder().decode((String) envelope.get("encrypted_aes_key"));
        byte[] vector = Base64.getDecoder().decode((String) envelope.get("initial_vector"));
        SecretKeySpec key;
        byte[] message;
        try {
            Cipher rsa = Cipher.getInstance("RSA/ECB/OAEPWithSHA-256AndMGF1Padding");
            rsa.init(Cipher.DECRYPT_MODE, privateKey, OAEP);
            key = new SecretKeySpec(rsa.doFinal(encryptedKey), "AES");
            message = gcm(Cipher.DECRYPT_MODE, key, vector, data);
        } catch (GeneralSecurityException error) {
            throw new StatusException(421);
        }
        byte[] clear = answer(new Json(new String(message, UTF_8)).object()).getBytes(UTF_8);
        for (int i = 0; i < vector.length; i++) vector[i] = (byte) ~vector[i];
        return Base64.getEncoder().encode(gcm(Cipher.ENCRYPT_MODE, key, vector, clear));
    }

    private static byte[] gcm(int mode, SecretKeySpec key, byte[] vector, byte[] text) throws GeneralSecurityException {
        Cipher aes = Cipher.getInstance("AES/GCM/NoPadding");
        aes.init(mode, key, new GCMParameterSpec(128, vector));
        return aes.doFinal(text);
    }

    private String answer(Map<String, Object> message) {
        if ("ping".equals(message.get("action"))) return "{\"data\":{\"status\":\"active\"}}";
        if (message.get("data") instanceof Map<?, ?> data && data.containsKey("error")) {
            return "{\"data\":{\"acknowledged\":true}}";
        }
        if ("data_exchange".equals(message.get("action")) && "SUMMARY".equals(message.get("screen"))) {
            String token = Json.quote((String) message.get("flow_token"));
            return "{\"screen\":\"SUCCESS\",\"data\":{\"extension_message_response\":{\"params\":{\"flow_token\":" + token + "}}}}";
        }
        return answer;
    }

    /** As much of a JSON parser as an endpoint needs, since the JDK has none. */
    private static final class Json {
        private final String text;
        private int at = 0;

        Json(String text) {
            this.text = text;
        }

        @SuppressWarnings("unchecked")
        Map<String, Object> object() {
            return (Map<String, Object>) value();
        }

        private Object value() {
            char c = next();
            if (c == '"') return string();
            if (c == '{') {
                var object = new HashMap<String, Object>();
                for (char d = next(); d != '}'; d = next()) {
                    if (d == ',') d = next();
                    String name = string();
                    if (next() != ':') throw new IllegalArgumentException("a colon is missing");
                    object.put(name, value());
                }
                return object;
            }
            if (c == '[') {
                var array = new ArrayList<Object>();
                for (char d = next(); d != ']'; d = next()) {
                    if (d != ',') at--;
                    array.add(value());
                }
                return array;
            }
            int start = at - 1;
            while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) at++;
            return switch (text.substring(start, at)) {
                case "null" -> null;
                case "true" -> true;
                case "false" -> false;
                default -> Double.valueOf(text.substring(start, at));
            };
        }

        /** After its opening quote. */
        private String string() {
            var result = new StringBuilder();
            for (char c = text.charAt(at++); c != '"'; c = text.charAt(at++)) {
                if (c == '\\') {
                    c = text.charAt(at++);
                    if (c == 'u') {
                        c = (char) Integer.parseInt(text.substring(at, at += 4), 16);
                    } else if ("bfnrt".indexOf(c) >= 0) {
                        c = "\b\f\n\r\t".charAt("bfnrt".indexOf(c));
                    }
                }
                result.append(c);
            }
            return result.toString();
        }

        /** The next character that is not white space. */
        private char next() {
            while (Character.isWhitespace(text.charAt(at))) at++;
            return text.charAt(at++);
        }

        static String quote(String text) {
            var result = new StringBuilder("\"");
            for (char c : text.toCharArray()) {
                if (c == '"' || c == '\\' || c < ' ') result.append(String.format("\\u%04x", (int) c));
                else result.append(c);
            }
            return result.append('"').toString();
        }
    }
}
