# Drover itself, from a release (`make release`, in dist/release): a template
# and a zip file for each function. It needs no CDK and no bootstrap.

resource "aws_s3_object" "functions" {
  for_each = fileset("${var.release}/functions", "*.zip")

  bucket = var.code_bucket
  key    = "drover/${each.value}"
  source = "${var.release}/functions/${each.value}"
}

# The content is in the key: a new template is a new URL.
resource "aws_s3_object" "template" {
  bucket = var.code_bucket
  key    = "drover/${filesha256("${var.release}/drover.template.json")}.json"
  source = "${var.release}/drover.template.json"
}

resource "aws_cloudformation_stack" "drover" {
  name         = "drover-${local.cluster}"
  template_url = "https://${var.code_bucket}.s3.amazonaws.com/${aws_s3_object.template.key}"

  # It makes a role for each function: what each of them may do is listed in the
  # template, and nothing in it names a group.
  capabilities = ["CAPABILITY_IAM"]

  parameters = {
    Cluster          = local.cluster
    CodeBucket       = var.code_bucket
    CodePrefix       = "drover/"
    NomadAddress     = "https://nomad.internal:4646"
    NomadRegion      = "eu"
    NomadTokenArn    = var.nomad_token_arn
    ConsulAddress    = "https://consul.internal:8501"
    ConsulDatacenter = "eu"
    ConsulTokenArn   = var.consul_token_arn
    SubnetIds        = join(",", var.subnet_ids)
    SecurityGroupIds = join(",", var.security_group_ids)
    Slots            = 2
    RunbookUrl       = var.runbook_url
  }

  depends_on = [aws_s3_object.functions]
}

output "alarm_topic" {
  description = "Subscribe to it"
  value       = aws_cloudformation_stack.drover.outputs["AlarmTopic"]
}
