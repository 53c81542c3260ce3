terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.31"
    }
  }
}

variable "release" {
  description = "Folder of the release"
  type        = string
}

variable "code_bucket" {
  description = "Bucket in the region of the cluster, for the functions and the template"
  type        = string
}

variable "image_id" {
  description = "An image in which Nomad and Consul start"
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets with a way to Nomad, Consul and Secrets Manager"
  type        = list(string)
}

variable "security_group_ids" {
  description = "Of the functions; Nomad and Consul let them in"
  type        = list(string)
}

variable "nomad_token_arn" {
  description = "Secret with Drover's token for Nomad"
  type        = string
}

variable "consul_token_arn" {
  description = "Secret with Drover's token for Consul"
  type        = string
}

variable "runbook_url" {
  description = "Where your people read docs/operate.md; each alarm links to its entry there"
  type        = string
}
