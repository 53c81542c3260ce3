import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import software.amazon.event.ruler.JsonRuleCompiler;
import software.amazon.event.ruler.Machine;

/** Answers each line {"pattern": …, "event": …} with yes, no or invalid. */
public class Oracle {
  public static void main(String[] arguments) throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    BufferedReader questions =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = questions.readLine()) != null; ) {
      JsonNode question = mapper.readTree(line);
      System.out.println(answer(question.get("pattern").toString(), question.get("event").toString()));
    }
  }

  private static String answer(String pattern, String event) throws Exception {
    if (JsonRuleCompiler.check(pattern) != null) return "invalid";
    // A machine for each question: rules that share a machine share its states.
    Machine machine = new Machine();
    machine.addRule("rule", pattern);
    return machine.rulesForJSONEvent(event).isEmpty() ? "no" : "yes";
  }
}
