// Seals and signs one request with Java's JCE. See generate.py for the arguments, the input and the output.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import javax.crypto.spec.SecretKeySpec;

class Seal {
    public static void main(String[] arguments) throws Exception {
        PublicKey publicKey = publicKey(Path.of(arguments[0]));
        byte[] appSecret = arguments[1].getBytes(StandardCharsets.UTF_8);
        byte[] key = HexFormat.of().parseHex(arguments[2]);
        byte[] vector = HexFormat.of().parseHex(arguments[3]);
        String slip = arguments[4];
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        byte[] plaintext = Base64.getDecoder().decode(input.readLine());
        byte[] answer = Base64.getDecoder().decode(input.readLine());

        Cipher transport = Cipher.getInstance("RSA/ECB/OAEPWithSHA-256AndMGF1Padding");
        if (slip.equals("mgf1-sha1")) {
            // What the name above means to Java by itself: SHA-256, but SHA-1 in MGF1.
            transport.init(Cipher.ENCRYPT_MODE, publicKey);
        } else {
            transport.init(Cipher.ENCRYPT_MODE, publicKey,
                    new OAEPParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, PSource.PSpecified.DEFAULT));
        }

        Base64.Encoder base64 = slip.equals("mime") ? Base64.getMimeEncoder() : Base64.getEncoder();
        String body = String.format(
                "{\"encrypted_flow_data\":\"%s\",\"encrypted_aes_key\":\"%s\",\"initial_vector\":\"%s\"}",
                base64.encodeToString(encrypt(key, vector, plaintext)),
                base64.encodeToString(transport.doFinal(key)),
                base64.encodeToString(vector)).replace("\r\n", "\\r\\n");

        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(appSecret, "HmacSHA256"));
        System.out.println(body);
        System.out.println("sha256=" + HexFormat.of().formatHex(mac.doFinal(body.getBytes(StandardCharsets.UTF_8))));
        for (int i = 0; i < vector.length; i++) {
            vector[i] ^= (byte) 0xff;
        }
        System.out.println(Base64.getEncoder().encodeToString(encrypt(key, vector, answer)));
    }

    static byte[] encrypt(byte[] key, byte[] nonce, byte[] text) throws Exception {
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(key, "AES"), new GCMParameterSpec(128, nonce));
        return cipher.doFinal(text);
    }

    static PublicKey publicKey(Path file) throws Exception {
        String pem = Files.readString(file).replaceAll("-----[A-Z ]+-----|\\s", "");
        return KeyFactory.getInstance("RSA").generatePublic(new X509EncodedKeySpec(Base64.getDecoder().decode(pem)));
    }
}
