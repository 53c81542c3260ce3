# A pool whose group Terraform makes. Three things make a group a pool: its
# tags, a hook with Drover's name, and a parameter with the pool's settings.

locals {
  cluster = "eu"
  pool    = "workers"

  # Spans are whole seconds. What is left out takes Drover's default; without
  # the parameter below all of it does. A name that Drover does not know is an
  # error, so that a misspelt deadline becomes no default in silence.
  settings = {
    drainDeadlineSeconds       = 1800
    batchDrainDeadlineSeconds  = 7200
    systemDrainDeadlineSeconds = 60
    onDrainFailure             = "continue"
    slots                      = 2
    joinGraceSeconds           = 600
    observeOnly                = false
  }
}

resource "aws_autoscaling_group" "workers" {
  name                = "nomad-${local.pool}"
  min_size            = 2
  max_size            = 20
  vpc_zone_identifier = var.subnet_ids

  launch_template {
    id      = aws_launch_template.workers.id
    version = aws_launch_template.workers.latest_version
  }

  # Inline: a hook in a resource of its own would come after the first instances
  # and be gone before the last. The name tells Drover that the hook is its own.
  initial_lifecycle_hook {
    name                 = "drover-${local.cluster}/retire"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_TERMINATING"
    default_result       = "CONTINUE"
    heartbeat_timeout    = 1728
  }

  # Launch before terminate.
  instance_maintenance_policy {
    min_healthy_percentage = 100
    max_healthy_percentage = 110
  }

  # By these Drover may act on the group: its policies name no group.
  tag {
    key                 = "drover:cluster"
    value               = local.cluster
    propagate_at_launch = false
  }

  tag {
    key                 = "drover:pool"
    value               = local.pool
    propagate_at_launch = false
  }

  lifecycle {
    ignore_changes = [desired_capacity]
  }

  # So that the group is destroyed first, while its hooks are still answered.
  depends_on = [aws_cloudformation_stack.drover, aws_ssm_parameter.workers]
}

resource "aws_ssm_parameter" "workers" {
  name        = "/drover/${local.cluster}/pools/${local.pool}"
  description = "Settings of a pool of Drover; spans in seconds"
  type        = "String"
  value       = jsonencode(local.settings)
}

resource "aws_launch_template" "workers" {
  name_prefix   = "nomad-${local.pool}-"
  image_id      = var.image_id
  instance_type = "m7g.large"

  # The instance role needs nothing for Drover: it completes no hooks.
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
}
